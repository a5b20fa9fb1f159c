package trace

import (
	"strings"
	"time"
)

// A program that is refused may pause and try again. How often it does so
// within a span of time is chance, and as long as nobody else moves it changes
// nothing. So trying again is one step, however often it is done; and while
// somebody else is in the middle of something it waits for that to change, as
// no real schedule is so unfair that it never does.

// parkAfter is how long a process may try again until it is taken for one
// that does so for ever.
const parkAfter = time.Second

// mayStep reports whether a process may make its next step.
func (r *run) mayStep(p *process) bool {
	if p.parked == len(r.events) && p.parked > 0 {
		return false
	}
	return !r.repeats(p) || !r.othersActive(p.actor)
}

func (r *run) othersActive(a *actor) bool {
	for _, other := range r.actors {
		if other != a && other.active() {
			return true
		}
	}
	return false
}

// repeats reports whether a process is about to do what it has done before
// while nobody else moved: again after a refusal, or for the third time.
func (r *run) repeats(p *process) bool {
	call := p.next().call
	var refused bool
	same := 0
	for i := len(r.events) - 1; i >= 0 && actorOf(r.events[i].Actor) == p.actor.name && r.events[i].Op != opStart; i-- {
		e := r.events[i]
		if e.Actor != p.lane {
			continue
		}
		refused = refused || refusals[e.Result]
		if e.Op == call.name && strings.HasPrefix(e.Detail, call.words) {
			same++
		}
		if same > 0 && refused || same > 1 {
			return true
		}
	}
	return false
}

var refusals = map[string]bool{"refused": true, "EEXIST": true, "EAGAIN": true, "EBUSY": true, "ETXTBSY": true}

// try makes the next step of a process. If it is one more of the same, it goes
// on until the process does something else, and the step is the last of them.
func (r *run) try(p *process, k *task) (*task, error) {
	again := r.repeats(p)
	for deadline := time.Now().Add(parkAfter); ; {
		r.guard(k)
		r.step(k)
		if err := r.rest(p.actor); err != nil {
			return k, err
		}
		if !again || p.next() == nil || !r.repeats(p) {
			return k, nil
		}
		if time.Now().After(deadline) {
			p.parked = len(r.events) + 1
			return k, nil
		}
		k = p.next()
	}
}
