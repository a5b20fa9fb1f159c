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

// freshTries is how often an actor may try the same in new processes until it is
// taken for one that does so for ever.
const freshTries = 2

// asks names a call and what it is about.
func asks(op, words string) string {
	words, _, _ = strings.Cut(words, noteMark)
	return op + " " + words
}

// refusedAsks counts how often calls were refused to an actor since it started, or
// since another moved, and not granted later.
func (r *run) refusedAsks(a *actor, sinceOthers bool) map[string]int {
	refused := map[string]int{}
	note := func(what, result string, at string) {
		if refusals[result] && at != "." {
			refused[what]++
		} else if result == "ok" {
			delete(refused, what)
		}
	}
	from := 0
	for i, e := range r.events {
		if e.Actor == a.name && e.Op == opStart || sinceOthers && race.ActorOf(e.Actor) != a.name {
			from = i
		}
	}
	for _, e := range r.events[from:] {
		if race.ActorOf(e.Actor) == a.name {
			words, _, _ := strings.Cut(e.Detail, noteMark)
			note(asks(e.Op, e.Detail), e.Result, words)
		}
	}
	if k := r.latest; k != nil && k.done && k.proc.actor == a {
		note(asks(k.made.Name, k.made.words), k.outcome, k.made.words)
	}
	return refused
}

// awaitTry gives an actor that was refused in its start, and sleeps, the time to
// try again: who sleeps between two tries is no server, however long it sleeps.
// It is parked before its next try as long as nobody else moves; who begins a new
// process for each try, after so many of them. Who has a lock, or is recorded, has
// got what it wanted, and who waits for work serves nevertheless.
func (r *run) awaitTry(a *actor) error {
	if a.phase != starting || r.ready != nil || r.settings.Losers == "serve" || r.parked(a) {
		return nil
	}
	if !a.active() && r.running(a) {
		if len(r.refusedAsks(a, false)) == 0 || r.waitsForWork(a) || r.hasGot(a) {
			return nil
		}
		r.idle(a, takeover, func() bool { return a.active() || !r.running(a) })
		if !a.active() && r.running(a) {
			return &race.UnclearError{Program: r.c.Target, Actor: a.name}
		}
		a.slept = true
	}
	var refused map[string]int
	for _, p := range a.procs {
		k := p.next()
		if k == nil || p.orphan || !a.slept && k.made.Name != "" {
			continue
		}
		if refused == nil {
			refused = r.refusedAsks(a, true)
		}
		n := refused[asks(k.call.Name, k.call.words)]
		if p.parked = a.slept && n > 0 || k.made.Name == "" && n >= freshTries; p.parked {
			r.notice(a, "sleeps between its tries")
		}
	}
	return nil
}

// parked reports whether a process of the actor's present round tries for ever.
func (r *run) parked(a *actor) bool {
	return slices.ContainsFunc(a.procs, func(p *process) bool { return p.parked && !p.orphan })
}

// hasGot reports whether an actor has a lock, or the pid file names it.
func (r *run) hasGot(a *actor) bool {
	pid := r.recorded()
	return slices.ContainsFunc(a.procs, func(p *process) bool {
		return !p.orphan && (p.pid == pid || slices.ContainsFunc(r.locksOf(p), func(h held) bool { return !h.shared }))
	})
}

// waitsForWork reports whether a process of an actor sleeps in a call that ends
// when somebody wants something of it, and not with time or a child.
func (r *run) waitsForWork(a *actor) bool {
	return slices.ContainsFunc(a.procs, func(p *process) bool {
		return !p.orphan && slices.ContainsFunc(p.tasks, func(k *task) bool { return k.state == running && forWork(k.tid) })
	})
}
