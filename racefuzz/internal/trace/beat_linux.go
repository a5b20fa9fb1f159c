package trace

import (
	"strconv"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// A server may do something from time to time while it serves, such as writing
// its pid file anew. Each such beat is held at its first call: where it comes in
// between the steps of others is a choice, and no chance. One beat after each move
// of another is as good as more. The beats of a standby are waits, see [run.mayWait].

// beatLimit is how long a server may sleep between two beats.
const beatLimit = 2 * time.Second

// beats reports whether the actor serves, and is known to do something from time
// to time.
func (r *run) beats(a *actor) bool { return r.hold && r.clock == nil && a.phase == serving }

// mayBeat reports whether the actor may make the call at which it is stopped: if
// that begins a beat, only after another has moved.
func (r *run) mayBeat(a *actor) bool { return !r.beats(a) || !a.rested || r.othersMoved(a) }

func (r *run) othersMoved(a *actor) bool {
	return len(r.events) > 0 && race.ActorOf(r.last()) != a.name
}

// awaitBeats waits for the next beat of each actor that may have one now.
func (r *run) awaitBeats() {
	for _, a := range r.actors {
		if !r.beats(a) {
			continue
		}
		a.rested = a.rested || !a.active()
		if a.rested && r.othersMoved(a) {
			r.idle(a, beatLimit, a.active)
		}
	}
}

// seesBeat waits for a beat of an actor that serves, if it sleeps for no longer
// than it may take.
func (r *run) seesBeat(a *actor) bool {
	r.hold = true
	defer func() { r.hold = false }()
	for _, p := range a.procs {
		for _, k := range p.tasks {
			nap, timed := napOf(k.tid, slurp("/proc/"+strconv.Itoa(k.tid)+"/syscall"))
			if timed && 0 < nap && nap <= beatLimit {
				r.idle(a, beatLimit, func() bool { return a.active() || a.server.ended })
				return a.active()
			}
		}
	}
	return false
}
