package explore

import (
	"context"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/race"
)

// Bounded explores every schedule of every case within bounds, those with the
// fewest preemptions, crashes and faults first, and stops at the first
// witness. Which one that is does not depend on the number of workers.
func Bounded(ctx context.Context, tier race.Tier, cases []race.Case, b Bounds, workers int, p *Progress) (Result, error) {
	frontiers := make([]*frontier, len(cases))
	for i, c := range cases {
		frontiers[i] = newFrontier(tier, c, b, p)
	}
	var result Result
	for level := range b.levels() {
		found, err := forEach(workers, len(frontiers), func(i int) (bool, error) {
			err := frontiers[i].explore(ctx, level, 0)
			return frontiers[i].witness != nil, err
		})
		if err != nil {
			return result, err
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

// Result is what an exploration came to.
type Result struct {
	Witness   *Witness // nil when no invariant was broken
	Complete  bool     // all schedules within the bounds were explored, or come to states that were
	Schedules int      // that were run, the witness included
	Steps     int
}

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

// levels yields all that a schedule can have spent within b, the least first.
func (b Bounds) levels() func(func(Bounds) bool) {
	return func(yield func(Bounds) bool) {
		for total := range b.Preemptions + b.Crashes + b.Faults + 1 {
			for p := range min(total, b.Preemptions) + 1 {
				for c := range min(total-p, b.Crashes) + 1 {
					if f := total - p - c; f <= b.Faults && !yield(Bounds{p, c, f}) {
						return
					}
				}
			}
		}
	}
}

// node is a choice among the moves at some point of a schedule, and the
// choices before it. A schedule is kept as its last node.
type node struct {
	before *node
	choice uint8
}

// frontier is what is left to explore of one case.
type frontier struct {
	tier     race.Tier
	c        race.Case
	bounds   Bounds
	progress *Progress

	open      map[Bounds][]*node // beginnings of schedules that are still to be run, by what they spend
	seen      map[uint64]uint64  // by state: with which spendings it was reached
	schedules int
	steps     int
	witness   *Witness

	choices []uint8
	events  []race.Event
}

func newFrontier(tier race.Tier, c race.Case, b Bounds, p *Progress) *frontier {
	return &frontier{
		tier: tier, c: c, bounds: b, progress: p,
		open: map[Bounds][]*node{{}: {nil}},
		seen: map[uint64]uint64{},
	}
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
	r, err := f.tier.Start(f.c)
	if err != nil {
		return err
	}
	defer r.Close()
	f.schedules++
	f.progress.Schedules.Add(1)
	defer func() {
		f.steps += len(f.events)
		f.progress.Steps.Add(int64(len(f.events)))
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
	for len(f.events) < maxSteps {
		if v := r.Verdict(); v.Broken() {
			f.witness = &Witness{Case: f.c, Events: append([]race.Event(nil), f.events...), Verdict: v}
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
	return errEndless(f.c)
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
	for i, j := 0, len(f.choices)-1; i < j; i, j = i+1, j-1 {
		f.choices[i], f.choices[j] = f.choices[j], f.choices[i]
	}
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
