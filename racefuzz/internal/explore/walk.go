package explore

import (
	"fmt"
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// walk decides, point by point, how a schedule goes on and what is explored
// besides.
type walk struct {
	x      *search
	ahead  bool // it is not the schedule's turn: what is decided is not noted
	last   *node
	spent  Bounds
	asleep []*sleeper
	alone  string // the lane that tries on alone
	tries  int    // that it has made so far
	steps  int

	others []choice   // at the point where the walk is
	after  []*sleeper // those that sleep whichever is chosen
}

// choice is a move that is to be explored.
type choice struct {
	move  int
	spent Bounds
	alone string // the lane that tries on alone from then on
}

// point is a spot and what is known of it.
type point struct {
	spot
	state   uint64
	cast    *Cast
	whole   bool    // the state is known
	crashes []crash // by moves
	again   bool    // the lane that tries on alone is about to do so once more
	pick    int     // the move that was made, or -1
	foot    Footprint
}

// at decides which move to make at p: the one that somebody makes by himself if
// that is to be explored, or else another that costs nothing; -1 for none.
func (w *walk) at(p *point) (pick int) {
	x := w.x
	w.others = w.others[:0]
	if !p.again {
		w.alone, w.tries = "", 0
	}
	var marks []string
	all := true
	if p.whole {
		if marks, all = x.enter(p, w); !all && len(marks) == 0 {
			return -1
		}
	}
	if w.alone != "" {
		w.after = w.asleep
		return w.tryOn(p)
	}
	pick = -1
	for i, m := range p.moves {
		spent, ok := w.spends(p, m)
		alone := ""
		if i >= p.fair {
			alone = m.Actor
		}
		switch {
		case !ok, sleeps(w.asleep, m), alone != "" && x.neverStops(m):
		case p.begun && !p.free && !sameActor(m.Actor, p.turn) && !x.without(Beginnings):
		case !all && !wakes(p.cast, m, marks):
		default:
			w.others = append(w.others, choice{i, spent, alone})
			if spent == w.spent && (pick < 0 || i == p.onward) && alone == "" {
				pick = i
			}
		}
	}
	w.after = w.asleep
	if p.crashes != nil && !x.without(SleepSets) {
		w.after = slices.Clip(w.after)
		for i, m := range p.moves {
			if m.Fault == race.Crash && p.crashes[i].whole && !sleeps(w.asleep, m) {
				w.after = append(w.after, x.theSleeper(sleeper{m.Actor, true, p.crashes[i].foot}))
			}
		}
	}
	if pick < 0 {
		x.push(w.branches(p, pick))
	}
	return pick
}

// wakes reports whether a move is among those that slept when its state was
// entered before, and are to be explored now.
func wakes(c *Cast, m race.Move, marks []string) bool {
	return (m.Fault == race.NoFault || m.Fault == race.Crash) && slices.Contains(marks, mark(c, m.Actor, m.Fault == race.Crash))
}

// spends returns what the schedule will have spent with move m at p, and whether
// that is within the bounds.
func (w *walk) spends(p *point, m race.Move) (Bounds, bool) {
	s := w.spent
	switch {
	case m.Fault == race.Crash:
		s.Crashes++
	case m.Fault != race.NoFault:
		s.Faults++
	}
	if m.Fault != race.Crash && !p.free && !w.x.free && !sameActor(m.Actor, p.turn) {
		s.Preemptions++
	}
	return s, s == w.spent || s.within(w.x.bounds) && s.sum() <= w.x.bounds.most()
}

// enter notes the state at p and returns which moves are to be explored there.
func (x *search) enter(p *point, w *walk) (marks_ []string, all bool) {
	e := entered{w.spent.kept(), x.marks(p.cast, w.asleep)}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.known.enter(x.bounds, p.state, e, !w.ahead)
}

// branches are the choices at p that were not picked.
func (w *walk) branches(p *point, pick int) (all []*branch) {
	if w.ahead {
		return nil
	}
	for _, c := range w.others {
		if c.move != pick && w.news(p, c) {
			all = append(all, &branch{last: w.node(p, c.move), spent: c.spent.kept(), asleep: w.after, alone: c.alone})
		}
	}
	return all
}

// node is a choice at p.
func (w *walk) node(p *point, choice int) *node {
	n := &node{before: w.last, choice: uint16(choice)}
	if w.x.feet {
		n.move = w.x.theMove(p.moves[choice])
	}
	return n
}

// news reports whether a choice leads to what no other does.
func (w *walk) news(p *point, c choice) bool {
	x, m := w.x, p.moves[c.move]
	if p.crashes == nil || m.Fault != race.Crash || x.without(MergedCrashes) {
		return true
	}
	leads := p.crashes[c.move]
	if !leads.whole {
		return true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.crashed.leadsToNews(leads, entered{c.spent.kept(), x.marks(leads.cast, stillAsleep(w.after, m, leads.foot))})
}

// made goes on from p, where a move was made with that footprint.
func (w *walk) made(p *point, pick int, foot Footprint) {
	x, m := w.x, p.moves[pick]
	var lasting Footprint
	if x.feet {
		lasting = foot.Lasting()
		x.note(w, m.Actor, lasting)
	}
	if len(w.others) > 1 {
		branches := w.branches(p, pick)
		if x.feet && pick == p.onward && !p.free {
			if !x.without(SleepSets) {
				asleep := append(slices.Clip(w.after), x.theSleeper(sleeper{lane: m.Actor, foot: foot}))
				for _, b := range branches {
					if b.last.move.Fault != race.Crash { // it sleeps after the step instead
						b.asleep = asleep
					}
				}
			}
			if lasting.OnlyLooks() || w.spent.Crashes >= x.bounds.Crashes {
				branches = x.postpone(w, m.Actor, lasting, branches)
			}
		}
		x.push(branches)
	}
	w.last = w.node(p, pick)
	w.steps++
	if x.feet {
		w.asleep = stillAsleep(w.after, m, foot)
	}
}

// note keeps what a step had to do with.
func (x *search) note(w *walk, lane string, lasting Footprint) {
	if w.ahead || x.without(Postponing) {
		return
	}
	x.mu.Lock()
	due := x.concerns.add(lane, lasting)
	x.mu.Unlock()
	x.push(due)
}

func (x *search) postpone(w *walk, lane string, lasting Footprint, branches []*branch) []*branch {
	if w.ahead || x.without(Postponing) {
		return branches
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.concerns.postpone(lane, lasting, branches)
}

// begun goes on from the last move of the branch's beginning.
func (w *walk) begun(b *branch, foot Footprint) {
	for n := b.last; n != nil; n = n.before {
		w.steps++
	}
	w.last, w.spent, w.asleep, w.alone = b.last, b.spent.bounds(), b.asleep, b.alone
	if b.last != nil && w.x.feet {
		m := *b.last.move
		w.x.note(w, m.Actor, foot.Lasting())
		w.asleep = stillAsleep(b.asleep, m, foot)
	}
}

// diverges says how a run does something else than before, or "".
func (n *node) diverges(c *course) string {
	moves := c.here.moves
	switch {
	case n.move == nil && int(n.choice) < len(moves), n.move != nil && slices.Contains(moves, *n.move):
		return ""
	case n.move == nil:
		return fmt.Sprintf("after %d steps there were %d moves, and now only %v", len(c.events), n.choice+1, moves)
	}
	return fmt.Sprintf("after %d steps %s could %s, and now only %v", len(c.events), n.move.Actor, n.move.Op, moves)
}
