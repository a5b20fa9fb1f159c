package explore

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/race"
)

// Bounded explores every schedule of every case within the plan's bounds, those
// with the fewest preemptions, crashes and faults first, and stops at the
// first witness. Which one that is does not depend on the number of workers.
func Bounded(ctx context.Context, p Plan) (Result, error) {
	frontiers := make([]*frontier, len(p.Cases))
	for i, c := range p.Cases {
		frontiers[i] = newFrontier(p, c)
	}
	fewest := fewestActors(p.Cases)
	var result Result
	for round := range p.Bounds.most() + 1 + mostActors(p.Cases) - fewest {
		found, err := forEach(p.Workers, len(frontiers), func(i int) (bool, error) {
			f := frontiers[i]
			err := f.spend(ctx, round-len(f.c.Actors)+fewest)
			return f.witness != nil, err
		})
		if err != nil {
			return result, err
		}
		if Trace != nil {
			for _, f := range frontiers {
				Trace(round, f.c.Title, f.schedules, f.steps)
			}
		}
		result = Result{}
		for i, f := range frontiers {
			result.Schedules += f.schedules
			result.Steps += f.steps
			if i == found {
				result.Witness = f.witness
				return result, nil
			}
		}
	}
	result.Complete = true
	return result, nil
}

var Trace func(int, string, int, int)

// forEach calls do for 0 to n-1 from that many workers, and returns the lowest
// index for which it was true, or -1. Indices above it may be left out, those
// below it are not.
func forEach(workers, n int, do func(int) (bool, error)) (found int, err error) {
	var mu sync.Mutex
	next, found := 0, n
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next-1 < found && err == nil
	}
	var group sync.WaitGroup
	for range max(workers, 1) {
		group.Go(func() {
			for {
				i, ok := take()
				if !ok {
					return
				}
				hit, failure := do(i)
				mu.Lock()
				if failure != nil && err == nil {
					err = failure
				}
				if hit {
					found = min(found, i)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if found == n {
		found = -1
	}
	return found, err
}

// most is how much a schedule can spend within b. A fault takes the place of a
// preemption or a crash.
func (b Bounds) most() int { return max(b.Preemptions+b.Crashes, b.Faults) }

func fewestActors(cases []race.Case) int {
	fewest := math.MaxInt
	for _, c := range cases {
		fewest = min(fewest, len(c.Actors))
	}
	return fewest
}

func mostActors(cases []race.Case) int {
	most := 0
	for _, c := range cases {
		most = max(most, len(c.Actors))
	}
	return most
}

// node is a choice among the moves at some point of a schedule, and the
// choices before it. A schedule is kept as its last node.
type node struct {
	before *node
	choice uint8
}

// frontier is what is left to explore of one case.
type frontier struct {
	plan   Plan
	c      race.Case
	bounds Bounds

	open      map[Bounds][]*node // beginnings of schedules that are still to be run, by what they spend
	seen      map[uint64]uint64  // by state: with which spendings it was reached
	schedules int
	steps     int
	witness   *Witness

	choices []uint8
	events  []race.Event
}

func newFrontier(p Plan, c race.Case) *frontier {
	return &frontier{
		plan: p, c: c, bounds: p.Bounds,
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
			if err := f.explore(ctx, Bounds{p, c, total - p - c}, 0); err != nil || f.witness != nil {
				return err
			}
		}
	}
	return nil
}

// explore runs all schedules that spend exactly that much, up to a limit if
// that is not 0, or until one of them is a witness.
func (f *frontier) explore(ctx context.Context, spent Bounds, limit int) error {
	for len(f.open[spent]) > 0 && f.witness == nil && (limit == 0 || f.schedules < limit) {
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

// run makes the choices up to last and then goes on with whoever has the turn. Where
// the schedule could go another way, that becomes a branch.
func (f *frontier) run(last *node, spent Bounds) error {
	r, err := f.plan.Tier.Start(f.c)
	if err != nil {
		return err
	}
	defer r.Close()
	f.schedules++
	defer func() {
		f.steps += len(f.events)
		f.plan.Progress.ran(len(f.events))
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
			if f.plan.counts(v) {
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
		last = &node{last, uint8(pick)}
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

func (f *frontier) prefix(last *node) []uint8 {
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
	for i := range len(current) {
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

// branch keeps the moves that were not picked, as far as the bounds allow.
func (f *frontier) branch(moves []race.Move, pick int, last *node, current string, spent Bounds) {
	free := moves[pick].Actor != current
	for i, m := range moves {
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
			f.open[s] = append(f.open[s], &node{last, uint8(i)})
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
