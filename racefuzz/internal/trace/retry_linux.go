package trace

import (
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// A program that is refused may pause and try again. How often it does so
// within a span of time is chance, and as long as nobody else moves it changes
// nothing. So trying again is one step, however often it is done.

// parkAfter is how long a process may try again until it is taken for one
// that does so for ever.
const parkAfter = time.Second

func (r *run) othersActive(a *actor) bool {
	return slices.ContainsFunc(r.actors, func(other *actor) bool { return other != a && other.active() })
}

// repeats reports whether a process is about to try again what was refused
// before in this round.
func (r *run) repeats(p *process) bool { return r.tried(p, false) }

// inVain reports the same if nobody else has moved since: then it will be
// refused again.
func (r *run) inVain(p *process) bool { return r.tried(p, true) }

// tried looks for a refusal that the process is about to ask for again: back
// to the last move of another, or else to its start. That the case's directory
// is there already refuses nothing.
func (r *run) tried(p *process, sinceOthers bool) bool {
	k := p.next()
	if k == nil {
		return false
	}
	refused := false
	for _, e := range slices.Backward(r.events) {
		if e.Actor == p.actor.name && e.Op == opStart || sinceOthers && race.ActorOf(e.Actor) != p.actor.name {
			return false
		}
		if e.Actor == p.lane && e.Result == "ok" && does(e, syscalls.Takes|syscalls.Puts) && isAbout(e, k.call.file) {
			return false // it has removed what was in its way
		}
		if e.Actor == p.lane {
			words, _, _ := strings.Cut(e.Detail, noteMark)
			refused = refused || refusals[e.Result] && words != "."
			if refused && e.Op == k.call.Name && words == k.call.words {
				return true
			}
		}
	}
	return false
}

var refusals = map[string]bool{"refused": true, "EEXIST": true, "EAGAIN": true, "EBUSY": true, "ETXTBSY": true}

// try makes the next step of a process. If it is one more of the same, it goes
// on until the process does something else, and the step is the last of them.
func (r *run) try(p *process, k *task) (*task, error) {
	again := r.inVain(p) && !r.othersActive(p.actor)
	for deadline := time.Now().Add(parkAfter); ; {
		r.latest = k
		r.step(k)
		if err := r.rest(p.actor); err != nil {
			return k, err
		}
		if !again || !r.inVain(p) {
			return k, nil
		}
		if time.Now().After(deadline) {
			p.parked = true
			return k, nil
		}
		k = p.next()
	}
}

// mostVain is how many tries in a row, of whomever, may be in vain until it is taken
// for certain that all that follow are.
const mostVain = 200

// unpark lets all others try again once somebody has moved, and other processes of
// the same actor once it has changed a file.
func (r *run) unpark(mover *actor, e race.Event) {
	for _, a := range r.actors {
		a.slept = a.slept && a == mover && e.Op != opStart
		for _, p := range a.procs {
			p.parked = p.parked && a == mover && e.Op != opStop && e.Op != opHalt && (p.lane == e.Actor || !changed(e))
		}
	}
}
