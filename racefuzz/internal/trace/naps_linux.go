package trace

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// wakeMoves are the moves by which time passes: to the next end of a wait. Who was
// to wake earlier, and has not moved, may still do so.
func (r *run) wakeMoves() (moves []race.Move) {
	if r.clock == nil || r.naps >= mostNapsInVain*len(r.actors) {
		return nil
	}
	next := never
	var lanes []*process
	for _, a := range r.actors {
		for _, p := range a.procs {
			if r.mayWake(a, p) {
				lanes, next = append(lanes, p), min(next, max(p.until(), r.clock.passed))
			}
		}
	}
	for _, p := range lanes {
		if p.until() <= next {
			moves = append(moves, race.Move{Actor: p.lane, Op: opWake})
		}
	}
	return moves
}

// mostNapsInVain is how often, for each actor, somebody may wake and go to sleep
// again, while nothing else happens, until it is taken for certain that they do so
// for ever.
const mostNapsInVain = 12

// fewNaps is after how many of them it goes on in one order, until somebody is about
// to do what he has not done since something happened last, or it is certain that
// nobody will.
const fewNaps = 3

// inOneOrder leaves of the moves there are only one, where that is so: who moved last
// goes on until he sleeps, and then the next one wakes. Who was held up before stays
// where he is.
func (r *run) inOneOrder(moves []race.Move) []race.Move {
	if r.naps <= fewNaps {
		return moves
	}
	for _, a := range r.actors {
		for _, p := range a.procs {
			if k := p.next(); k != nil && !p.parked && !slices.ContainsFunc(r.events[r.happened:], func(e race.Event) bool {
				return race.ActorOf(e.Actor) == a.name && e.Op == k.call.Name && first(e.Detail) == k.call.words
			}) {
				return moves
			}
		}
	}
	for _, m := range moves {
		if race.ActorOf(m.Actor) == race.ActorOf(r.last()) && m.Fault == race.NoFault && m.Op != opWake && m.Op != opStop && m.Op != opStart {
			return []race.Move{m}
		}
	}
	if i := slices.IndexFunc(moves, func(m race.Move) bool { return m.Op == opWake }); i >= 0 {
		return moves[i : i+1]
	}
	return moves
}

// countNaps notes whether a step of an actor has changed anything but what one who
// serves does from time to time.
func (r *run) countNaps(a *actor, op string, changes []change, advanced bool) {
	begins := slices.Contains([]string{opStart, opStop, opProbe, opRun, opCrash, opHalt, opRemove}, op)
	if advanced || begins || a.phase != serving && slices.ContainsFunc(changes, func(c change) bool { return c.moved() || r.spelt(c.old.whole) != r.spelt(c.now.whole) }) {
		r.naps, r.happened = 0, len(r.events)
	}
}

// mayWake reports whether a process waits for a time to come, while no other of its
// actor's goes on, and that may make a difference.
func (r *run) mayWake(a *actor, p *process) bool {
	if p.ended || p.parked || !p.dozes() || slices.ContainsFunc(a.procs, func(q *process) bool { return q.next() != nil && !q.parked }) {
		return false
	}
	if p.orphan || a.phase != serving {
		return true
	}
	return r.beatMatters(a)
}

// beatMatters reports whether it can make a difference that one who serves wakes once
// more. It does not if he did nothing when he woke last, or only looked and nobody
// has changed anything since. One beat after each move of another is as good as more,
// unless somebody waits for a later time.
func (r *run) beatMatters(a *actor) bool {
	looked, did, moved, happened := false, false, false, false
	for _, e := range slices.Backward(r.events) {
		changes := changed(e) || e.Result == "ok" && does(e, syscalls.SetsTimes|syscalls.Locks)
		own := race.ActorOf(e.Actor) == a.name
		switch {
		case own && e.Op == opWake && did:
			return moved || slices.ContainsFunc(r.actors, func(other *actor) bool { return other != a && other.phase != serving && other.dozes() })
		case own && e.Op == opWake:
			return looked && happened
		case own && e.Op == opStart:
			return true
		case own:
			looked, did = looked || !does(e, syscalls.Ends|syscalls.Drops|syscalls.Executes), did || changes
		default:
			moved, happened = true, happened || changes || e.Result == "gone" || e.Op == opCrash
		}
	}
	return true
}

// until is when the clock is to do something for a process.
func (p *process) until() time.Duration {
	d, _ := p.nextDue()
	return d.until
}

// comes does it. The process may have ended.
func (d due) comes(p *process) {
	if d.task != nil {
		d.task.wait.over = true
		unix.Tgkill(p.pid, d.task.tid, unix.SIGSTOP)
		return
	}
	d.alarm.send(p)
	if d.alarm.until += d.alarm.interval; d.alarm.interval == 0 {
		d.alarm.until = never
	}
}

// mostIdle is how often who wakes and goes to sleep again at once may do so in one
// move.
const mostIdle = 8

// mostTries is how often somebody may try the same after a sleep, while nobody else
// moves, until it is taken for certain that he does so for ever.
const mostTries = 32

// wake lets time pass until a process wakes. Who does nothing then is let sleep on,
// as long as he is the next to wake. And who has woken before since others moved, and
// does the same as then, does so until he is about to do something else, or for ever:
// they come in before that or after it.
func (r *run) wake(a *actor, p *process) (detail string, err error) {
	began, alone := r.clock.passed, a.phase != serving && !r.learning && r.wokenSince(a)
	r.naps++
	a.naps++
	idle, tries := 0, 0
	for idle < mostIdle && tries < mostTries {
		d, _ := p.nextDue()
		r.pass(d.until)
		d.comes(p)
		if err := r.rest(a); err != nil {
			return "", err
		}
		if idle++; a.active() {
			idle = 0
		}
		for calls := 0; alone && calls < mostVain && r.doesTheSame(a); calls++ {
			if err := r.stepOf(a); err != nil {
				return "", err
			}
		}
		next := r.wakeMoves()
		if a.active() || !r.running(a) || len(next) != 1 || race.ActorOf(next[0].Actor) != a.name || idle == 0 && !alone {
			return r.since(began), nil
		}
		_, p = r.lane(next[0].Actor)
		if tries++; !alone {
			tries = 0
		}
	}
	p.parked = tries == mostTries
	return r.since(began), nil
}

// pass lets time pass until then, and tells all. Who is stopped before a call gets the
// alarms that are due by now: they come as soon as he goes on.
func (r *run) pass(until time.Duration) {
	r.clock.passed = max(r.clock.passed, until)
	for _, a := range r.actors {
		for _, p := range a.procs {
			if p.ended {
				continue
			}
			r.tell(p)
			for d, ok := p.nextDue(); ok && p.next() != nil && d.alarm != nil && d.until <= r.clock.passed; d, ok = p.nextDue() {
				d.comes(p)
			}
		}
	}
}

// hasWoken reports whether the actor has slept in its present round: then it does so
// between its tries as well, and others move while it sleeps.
func (r *run) hasWoken(a *actor) bool {
	for _, e := range slices.Backward(r.events) {
		if race.ActorOf(e.Actor) == a.name && (e.Op == opWake || e.Op == opStart) {
			return e.Op == opWake
		}
	}
	return false
}

// wokenSince reports whether the actor has woken since another one moved.
func (r *run) wokenSince(a *actor) bool {
	for _, e := range slices.Backward(r.events) {
		if race.ActorOf(e.Actor) != a.name {
			return false
		}
		if e.Op == opWake {
			return true
		}
	}
	return false
}

// pending is a process of the actor that is stopped before a call, or nil.
func (a *actor) pending() *process {
	for _, p := range a.procs {
		if p.next() != nil {
			return p
		}
	}
	return nil
}

// doesTheSame reports whether the actor is about to make a call that it has made
// since another one moved.
func (r *run) doesTheSame(a *actor) bool {
	p := a.pending()
	if p == nil {
		return false
	}
	c := p.next().call
	return r.asks(a, p, false)[c.Name+" "+c.words] > 0
}

// stepOf makes the actor's next call.
func (r *run) stepOf(a *actor) error {
	k := a.pending().next()
	r.latest = k
	r.step(k)
	return r.rest(a)
}

func (r *run) since(began time.Duration) string {
	if d := (r.clock.passed - began).Round(time.Millisecond); d > 0 {
		return fmt.Sprint("after ", d)
	}
	return ""
}
