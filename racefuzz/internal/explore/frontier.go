package explore

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// node is a choice among the moves at some point of a schedule, and the
// choices before it. A schedule is kept as its last node.
type node struct {
	before *node
	choice uint16
}

// frontier is what is left to explore of one case.
type frontier struct {
	plan   Plan
	c      race.Case
	bounds Bounds
	free   bool // preemptions cost nothing
	best   bool // look for the shortest witness, not the first

	ran *atomic.Int64 // schedules of all frontiers that share a limit

	open      map[Bounds][]*node // beginnings of schedules that are still to be run, by what they spend
	seen      map[uint64]uint64  // by state: with which spendings it was reached
	schedules int
	steps     int
	past      int // schedules of earlier rounds
	pastSteps int // likewise
	witness   *Witness

	choices []uint16
	events  []race.Event
}

func newFrontier(p Plan, c race.Case, ran *atomic.Int64) *frontier {
	return &frontier{
		plan: p, c: c, bounds: p.Bounds, ran: ran,
		open: map[Bounds][]*node{{}: {nil}},
		seen: map[uint64]uint64{},
	}
}

// spend runs all schedules that spend so much in total, or until one of them
// is a witness.
func (f *frontier) spend(ctx context.Context, total int) error {
	b := f.bounds
	for p := range min(total, b.Preemptions) + 1 {
		for c := range min(total-p, b.Crashes) + 1 {
			if err := f.explore(ctx, Bounds{p, c, total - p - c}); err != nil || f.witness != nil {
				return err
			}
		}
	}
	return nil
}

// explore runs all schedules that spend exactly that much, or until one of
// them is a witness or the plan's limit is reached.
func (f *frontier) explore(ctx context.Context, spent Bounds) error {
	for len(f.open[spent]) > 0 && (f.witness == nil || f.best) && !f.exhausted() {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := len(f.open[spent]) - 1
		beginning := f.open[spent][last]
		f.open[spent] = f.open[spent][:last]
		if err := f.run(beginning, spent); err != nil {
			return err
		}
	}
	return nil
}

func (f *frontier) exhausted() bool {
	return f.plan.Limit > 0 && f.ran.Load() >= int64(f.plan.Limit)
}

// run makes the choices up to last and then goes on with whoever has the turn.
// Where the schedule could go another way, that becomes a branch.
func (f *frontier) run(last *node, spent Bounds) error {
	r, err := f.plan.Tier.Start(f.c)
	if err != nil {
		return err
	}
	defer r.Close()
	f.schedules++
	f.ran.Add(1)
	defer func() {
		f.steps += len(f.events)
		f.plan.Progress.Ran(len(f.events))
	}()
	f.events = f.events[:0]
	current := ""
	for _, choice := range f.prefix(last) {
		m := r.Moves()[choice]
		if _, err := f.do(r, m); err != nil {
			return err
		}
		current = turn(current, m)
	}
	for {
		if v := r.Verdict(); v.Broken() {
			if f.plan.counts(v) && (f.witness == nil || len(f.events) < len(f.witness.Events)) {
				f.witness = &Witness{f.c, slices.Clone(f.events), v}
			}
			return nil
		}
		moves := r.Moves()
		if len(moves) == 0 {
			return nil
		}
		pick := 0
		if len(moves) > 1 {
			if f.known(r, current, spent) {
				return nil
			}
			pick = onward(moves, current)
			f.branch(moves, pick, last, current, spent)
		}
		m := moves[pick]
		last = &node{last, uint16(pick)}
		if _, err := f.do(r, m); err != nil {
			return err
		}
		current = turn(current, m)
	}
}

func (f *frontier) do(r race.Run, m race.Move) (race.Event, error) {
	e, err := r.Do(m)
	f.events = append(f.events, e)
	return e, err
}

func (f *frontier) prefix(last *node) []uint16 {
	f.choices = f.choices[:0]
	for n := last; n != nil; n = n.before {
		f.choices = append(f.choices, n.choice)
	}
	slices.Reverse(f.choices)
	return f.choices
}

// known reports whether the state was reached before by having spent no more.
func (f *frontier) known(r race.Run, current string, spent Bounds) bool {
	p, ok := r.(Fingerprinter)
	if !ok {
		return false
	}
	key := p.Fingerprint()
	for i := 0; i < len(current) && !f.free; i++ {
		key = (key ^ uint64(current[i])) * 0x100000001b3
	}
	before := f.seen[key]
	if before&f.bounds.upTo(spent) != 0 {
		return true
	}
	f.seen[key] = before | 1<<f.bounds.index(spent)
	return false
}

// index numbers the spendings within b.
func (b Bounds) index(s Bounds) int {
	return (s.Preemptions*(b.Crashes+1)+s.Crashes)*(b.Faults+1) + s.Faults
}

// upTo is the set of the spendings that are nowhere above s.
func (b Bounds) upTo(s Bounds) (set uint64) {
	for p := range s.Preemptions + 1 {
		for c := range s.Crashes + 1 {
			for f := range s.Faults + 1 {
				set |= 1 << b.index(Bounds{p, c, f})
			}
		}
	}
	return set
}

// branch keeps the moves that were not picked, as far as the bounds allow, the
// first one on top.
func (f *frontier) branch(moves []race.Move, pick int, last *node, current string, spent Bounds) {
	free := f.free || moves[pick].Actor != current
	for i, m := range slices.Backward(moves) {
		if i == pick {
			continue
		}
		s := spent
		switch {
		case m.Fault == race.Crash:
			s.Crashes++
		case m.Fault != race.NoFault:
			s.Faults++
		}
		if m.Fault != race.Crash && m.Actor != current && !free {
			s.Preemptions++
		}
		if s.Preemptions <= f.bounds.Preemptions && s.Crashes <= f.bounds.Crashes && s.Faults <= f.bounds.Faults {
			f.open[s] = append(f.open[s], &node{last, uint16(i)})
		}
	}
}

// onward is the move to make when nothing speaks for another one: the one
// with which the actor that has the turn goes on, or else the first that is no
// fault.
func onward(moves []race.Move, current string) int {
	first := -1
	for i, m := range moves {
		switch {
		case m.Fault != race.NoFault:
		case m.Actor == current:
			return i
		case first < 0:
			first = i
		}
	}
	return max(first, 0)
}

// turn returns who has the turn after m: a crash takes none.
func turn(current string, m race.Move) string {
	if m.Fault == race.Crash {
		return current
	}
	return m.Actor
}
