package trace

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Moves are the steps the actors are stopped at, what can be done to those
// that are at rest, and a crash wherever it makes a difference.
func (r *run) Moves() []race.Move {
	var moves []race.Move
	for _, a := range r.actors {
		crash := false
		for _, p := range a.procs {
			if k := p.next(); k != nil && !p.parked && r.mayBeat(a) {
				moves = append(moves, race.Move{Actor: p.lane, Op: k.call.Name})
				for _, f := range r.faults[k.call.Name] {
					moves = append(moves, race.Move{Actor: p.lane, Op: k.call.Name, Fault: f})
				}
				crash = crash || r.changes(k) && a.marked && a.phase != probing
			}
		}
		if op := a.op(); r.mayBegin(a, op) {
			moves = append(moves, race.Move{Actor: a.name, Op: op})
			crash = crash || op == opStop
		}
		if r.mayWait(a) {
			moves = append(moves, race.Move{Actor: a.name, Op: opWait})
		}
		if crash && a.victim() != nil {
			moves = append(moves, race.Move{Actor: a.name, Op: opCrash, Fault: race.Crash})
		}
	}
	return r.inOneOrder(append(moves, r.wakeMoves()...))
}

// Describe implements [explore.Describer].
func (r *run) Describe(m race.Move) explore.Nature {
	switch m.Op {
	case opStart, opStop, opProbe, opRun:
		return explore.Begins // and until its first step the judge excuses more than after it
	case opWake:
		if a, _ := r.lane(m.Actor); a.phase != serving && r.wokenSince(a) {
			return explore.TriesAgain
		}
		return explore.Rests
	case opRemove, opHalt, opWait:
		return explore.Rests
	}
	if a, p := r.lane(m.Actor); p != nil && r.repeats(p) && !r.hasWoken(a) {
		return explore.TriesAgain
	}
	return explore.GoesOn
}

// mayBegin reports whether the actor is ready for an operation of its script.
// Nobody can rule out that an operator removes the file of a server that is
// about to do the same, so that happens only while all are at rest.
func (r *run) mayBegin(a *actor, op string) bool {
	switch op {
	case opStart, opProbe, opRun:
		return a.phase == absent
	case opStop:
		return a.phase == serving
	case opHalt:
		return r.halting() != nil
	case opRemove:
		_, there := r.scene.entry(r.settings.PIDName())
		return there && !slices.ContainsFunc(r.actors, func(a *actor) bool { return a.phase != absent && a.phase != serving })
	}
	return false
}

// halting is the actor that can be told to stop in the middle of its start: the
// one that moved last, or else the first, as long as it is a single process. Of
// several it would be chance which of them notices.
func (r *run) halting() *actor {
	var found *actor
	for _, a := range r.actors {
		if a.phase == starting && a.active() && a.op() == opStop && len(a.procs) == 1 && (found == nil || a.name == race.ActorOf(r.last())) {
			found = a
		}
	}
	return found
}

// mayWait reports whether the actor is a standby that could take over: that
// takes time to pass, and is worth it once after each move of another.
func (r *run) mayWait(a *actor) bool {
	if r.clock != nil || r.settings.Losers != "serve" || a.phase != serving || !r.news(a) {
		return false
	}
	return !slices.ContainsFunc(r.scene.locks, func(h held) bool { return !h.shared && r.exclusive[r.inodes[h.inode]] })
}

// news reports whether another has moved since the actor looked, or it was
// started and did nothing.
func (r *run) news(a *actor) bool {
	for i, e := range slices.Backward(r.events) {
		switch {
		case race.ActorOf(e.Actor) != a.name:
			return true
		case e.Op == opWait:
			return false
		case e.Op == opStart:
			return i == len(r.events)-1
		}
	}
	return false
}
