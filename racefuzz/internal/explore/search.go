package explore

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// search is what is explored of one case. Its schedules may be run by several
// workers at once, but each is decided on in its turn: what is found, and how
// many schedules that takes, does not depend on the number of workers.
type search struct {
	plan   *Plan
	c      race.Case
	bounds Bounds
	free   bool // preemptions cost nothing
	best   bool // look for the shortest witness, not the first
	index  int  // of the case
	shared *shared

	asked     sync.Once
	feet      bool // its runs are Footprinters
	prints    bool // its runs are Fingerprinters
	casts     []*Cast
	deciding  bool // a worker decides on a schedule
	spendings []Bounds
	share     int // of schedules that are run now, at most; 0 for all

	moves    sync.Map // all so far: a *race.Move for each
	sleepers sync.Map // likewise: a *sleeper for each, by its text
	marked   sync.Map // and sets of marks, by all of them

	mu       sync.Mutex
	open     [][]*branch // beginnings of schedules that are still to be run, by the index of what they spend
	known    known
	crashed  crashed
	concerns concerns
	endless  map[string]bool // what was tried for ever, by the role of the lane and the operation
	count    tally
	past     tally // before the last call of spend
	witness  *Witness
	err      error
}

// tally is what came of schedules.
type tally struct {
	schedules, steps, diverged int
	divergence                 string
}

// node is a choice among the moves at some point of a schedule, and the
// choices before it. A schedule is kept as its last node.
type node struct {
	before *node
	choice uint16
	move   *race.Move // the same, one for all nodes, where a run could offer others at another time; or nil
}

// branch is a schedule that is still to be run, or to be decided on.
type branch struct {
	last    *node // of its beginning
	spent   spending
	asleep  []*sleeper // before the last move
	alone   string     // the lane that tries on alone, from the last move on
	rest    bool       // of a schedule that was begun as another branch
	claimed bool       // a worker runs it ahead of its turn, or did
	trail   *trail     // what it was like
}

func newSearch(p *Plan, index int, s *shared) *search {
	x := &search{
		plan: p, c: p.Cases[index], bounds: p.Bounds, index: index, shared: s,
		known: known{map[uint64]uint64{}, map[uint64][]entered{}}, crashed: crashed{}, endless: map[string]bool{},
	}
	b := x.bounds
	x.open = make([][]*branch, b.index(b)+1)
	x.open[0] = []*branch{{}}
	x.shared.left.Add(1)
	return x
}

// shared is what all searches of a plan have in common.
type shared struct {
	ran    atomic.Int64 // schedules
	left   atomic.Int64 // branches that are open
	ended  atomic.Int64 // index of the first case that ended early, or that of none
	halted atomic.Bool
}

// ask finds out, once, what the runs of the case can tell.
func (x *search) ask(r race.Run) {
	x.asked.Do(func() {
		_, x.feet = r.(Footprinter)
		_, x.prints = r.(Fingerprinter)
		x.prints = x.prints && !x.without(KnownStates)
		role := func(actor string) string { return actor }
		if p, ok := r.(Player); ok && !x.without(Symmetry) {
			role = p.Role
		}
		x.casts = casts(x.c, role)
		x.concerns = newConcerns(x.c, role)
	})
}

func (x *search) without(r Reductions) bool { return x.plan.Without&r != 0 }

// spend sets what schedules spend that are run from now on: what those of the stage
// do, and no more than the cost in all. Schedules that were put off until now may have
// spent less than those that are run otherwise. At most share are run, so that all
// cases get their turn: 0 for all there are.
func (x *search) spend(stage, cost, share int) {
	x.past, x.spendings, x.share = x.count, x.spendings[:0], share
	b := x.bounds
	for p := range b.Preemptions + 1 {
		for c := range b.Crashes + 1 {
			for f := range b.Faults + 1 {
				if s := (Bounds{p, c, f}); s.sum() <= min(cost, b.most()) && s.stage() <= stage {
					x.spendings = append(x.spendings, s)
				}
			}
		}
	}
	slices.SortStableFunc(x.spendings, func(s, t Bounds) int { return s.sum() - t.sum() })
}

// over reports whether nothing more is to be run, whatever is open.
func (x *search) over() bool {
	return x.err != nil || x.witness != nil && !x.best || x.shared.halted.Load() ||
		x.index > int(x.shared.ended.Load()) || x.plan.Limit > 0 && x.shared.ran.Load() >= int64(x.plan.Limit)
}

// rests reports whether nothing more is to be run now.
func (x *search) rests() bool {
	return x.over() || x.share > 0 && x.count.schedules >= x.past.schedules+x.share
}

// more reports whether there is something left of what is run now.
func (x *search) more() bool {
	return !x.over() && slices.ContainsFunc(x.spendings, func(s Bounds) bool { return len(x.open[x.bounds.index(s)]) > 0 })
}

// next returns the branch whose turn it is, to be decided on, or else one to
// run ahead of its turn. There may be none, now or ever.
func (x *search) next() (b *branch, decide bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.rests() {
		return nil, false
	}
	first := !x.deciding
	for _, s := range x.spendings {
		stack := &x.open[x.bounds.index(s)]
		for i, b := range slices.Backward(*stack) {
			switch {
			case first && (!b.claimed || b.trail != nil):
				*stack = slices.Delete(*stack, i, i+1)
				x.deciding = true
				x.shared.left.Add(-1)
				return b, true
			case !b.claimed:
				b.claimed = true
				return b, false
			}
			first = false
		}
	}
	return nil, false
}

// push keeps branches for later, the first on top.
func (x *search) push(all []*branch) {
	if len(all) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range slices.Backward(all) {
		i := x.bounds.index(b.spent.bounds())
		x.open[i] = append(x.open[i], b)
	}
	x.shared.left.Add(int64(len(all)))
}

// finish notes what came of a schedule that was decided on.
func (x *search) finish(w *walk, end ending) {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.ended()
	x.deciding = false
	if end.halted {
		return
	}
	if end.err != nil && x.err == nil {
		x.err = end.err
	}
	if end.goesOn {
		return
	}
	x.count.schedules++
	x.count.steps += w.steps
	x.shared.ran.Add(1)
	x.plan.Progress.Ran(w.steps)
	if end.diverged != "" {
		if x.count.diverged++; x.count.divergence == "" {
			x.count.divergence = end.diverged
		}
	}
	if x.plan.counts(end.verdict) && (x.witness == nil || len(end.events) < len(x.witness.Events)) {
		x.witness = &Witness{x.c, slices.Clone(end.events), end.verdict}
	}
}

// ended tells the searches of the cases behind this one that they are not needed.
func (x *search) ended() {
	if (x.err == nil || x.noEnd()) && (x.witness == nil || x.best) {
		return
	}
	for s := x.shared; ; {
		first := s.ended.Load()
		if int(first) <= x.index || s.ended.CompareAndSwap(first, int64(x.index)) {
			return
		}
	}
}

// longest returns how many steps a schedule may have: actors could wait for
// each other for ever by trying again.
func (p Plan) longest() int {
	if p.Longest > 0 {
		return p.Longest
	}
	return maxSteps
}

const maxSteps = 1000

// errNoEnd says that a schedule is too long. Its case is not explored any further, but
// the others are: what is wrong may show in one of them.
var errNoEnd = errors.New("no end")

func endless(events []race.Event) error {
	return fmt.Errorf("%w after %d steps; the last: %s", errNoEnd, len(events), events[len(events)-1].Step)
}

func (x *search) noEnd() bool { return errors.Is(x.err, errNoEnd) }

// available reports whether there is something to run, and whether another
// worker decides on a schedule of the case.
func (x *search) available() (open, decided bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.rests() {
		return false, false
	}
	first := !x.deciding
	for _, s := range x.spendings {
		for _, b := range slices.Backward(x.open[x.bounds.index(s)]) {
			if !b.claimed || first && b.trail != nil {
				return true, x.deciding
			}
			first = false
		}
	}
	return false, x.deciding
}
