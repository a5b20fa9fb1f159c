package trace

import (
	"slices"
	"time"
)

// patience bounds how long settle waits.
type patience struct {
	naps time.Duration // for processes that take naps without doing anything in between
	work time.Duration // for processes that compute
}

// busyWait is how long a process may compute while another of the same actor
// is stopped before a call: it may be waiting for that.
const busyWait = 5 * time.Second

// glance is how long a process is left alone before its rest is looked at.
const glance = 100 * time.Microsecond

// settle waits until the processes of the actors are at rest: each stopped
// before a call, asleep, or gone. It reports whether they were within work, and
// before all must end.
// Only the time that is seen to be spent in naps counts as such, so that a busy
// machine changes nothing.
func (t *tracer) settle(actors []*actor, p patience) bool {
	start := time.Now()
	quiet, looked, nap := start, start, 10*time.Microsecond
	was, napped := awake, time.Duration(0)
	defer func() { t.napped = napped > 0 }()
	for {
		if t.over() != nil {
			return false
		}
		if t.poll() {
			was, quiet, nap = awake, time.Now(), 10*time.Microsecond
			if quiet.Sub(start) > p.work && len(t.unstopped(actors)) > 0 {
				return false
			}
			continue
		}
		tasks := t.unstopped(actors)
		if len(tasks) == 0 {
			return true
		}
		if now := time.Now(); now.Sub(quiet) > glance {
			state := t.restOf(tasks)
			if state == asleep {
				t.trim(actors)
			} else {
				t.trim(nil)
			}
			if state == napping && was == napping {
				napped += now.Sub(looked)
			}
			was, looked = state, now
			if (state == asleep || napped > p.naps) && !t.poll() {
				return true
			}
			switch busy := now.Sub(start); {
			case busy > p.work:
				return false
			case busy > busyWait && stopped(actors):
				return true
			}
		}
		if nap > time.Millisecond {
			time.Sleep(nap)
		} else {
			pause(nap)
		}
		nap = min(nap*3/2, max(300*time.Microsecond, time.Since(quiet)/10))
	}
}

// restOf says how tasks are resting as a whole. One could wake another just
// after that was looked at. So they are looked at twice, and asleep counts only
// if none of them was given a processor from before the first look to after
// the second.
func (t *tracer) restOf(tasks []*task) rest {
	for _, k := range tasks {
		if k.state == stepping && !k.call.sleeps || !k.sleeping() {
			return awake
		}
	}
	before := make([]string, len(tasks))
	for i, k := range tasks {
		before[i] = switches(k.tid)
	}
	state := asleep
	for _, k := range tasks {
		state = min(state, restOf(k.tid))
	}
	for _, k := range tasks {
		if state == awake || !k.sleeping() {
			return awake
		}
	}
	for i, k := range tasks {
		if switches(k.tid) != before[i] {
			return awake
		}
	}
	return state
}

// unstopped are the tasks whose rest matters. Of a process with a call pending
// those are only the ones in the middle of a step.
func (t *tracer) unstopped(actors []*actor) []*task {
	var out []*task
	for _, a := range actors {
		for _, p := range a.procs {
			stopped := p.next() != nil
			for _, k := range p.tasks {
				if k.state == stepping || k.state == running && !stopped {
					out = append(out, k)
				}
			}
		}
	}
	return out
}

// stopped reports whether some process of the actors has a call pending.
func stopped(actors []*actor) bool {
	return slices.ContainsFunc(actors, func(a *actor) bool {
		return slices.ContainsFunc(a.procs, func(p *process) bool { return p.next() != nil })
	})
}
