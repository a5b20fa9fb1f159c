package explore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Hurrier is a [race.Tier] whose runs can be ended in the middle of a move.
type Hurrier interface {
	race.Tier
	// Until returns the tier with moves that fail as soon as ctx is done.
	Until(ctx context.Context) race.Tier
}

func until(ctx context.Context, t race.Tier) race.Tier {
	if h, ok := t.(Hurrier); ok {
		return h.Until(ctx)
	}
	return t
}

// Bounded explores every schedule of every case within the plan's bounds, in the
// order of [stages], and stops at the first witness. Which witness is the first
// does not depend on the number of workers.
func Bounded(ctx context.Context, p Plan) (Result, error) {
	return newSearches(ctx, p).explore()
}

// Exhaustive explores every schedule of every case within the plan's bounds on
// crashes and faults, whatever preemptions it takes. It ends in reasonable
// time only where a run is a [Fingerprinter].
func Exhaustive(ctx context.Context, p Plan) (Result, error) {
	p.Bounds.Preemptions = 0
	s := newSearches(ctx, p)
	for _, x := range s.all {
		x.free = true
	}
	return s.explore()
}

// searches are the searches of a plan's cases.
type searches struct {
	plan Plan
	ctx  context.Context
	all  []*search
	shared
	release func() bool

	mu      sync.Mutex
	more    sync.Cond
	busy    int          // workers that run a schedule
	waiting atomic.Int64 // workers that look for one
}

func newSearches(ctx context.Context, p Plan) *searches {
	p.Tier = until(ctx, p.Tier)
	s := &searches{plan: p, ctx: ctx}
	s.more.L = &s.mu
	s.release = context.AfterFunc(ctx, func() { s.halted.Store(true) })
	s.ended.Store(int64(len(p.Cases)))
	for i := range p.Cases {
		s.all = append(s.all, newSearch(&s.plan, i, &s.shared))
	}
	return s
}

// explore makes all passes one after the other.
func (s *searches) explore() (Result, error) {
	defer s.release()
	st := s.plan.stages()
	for pass := range st.passes() {
		s.plan.Progress.reached(s.plan.Reached(Result{Passes: pass}))
		for cost := range s.plan.Bounds.most() + 1 {
			for share, more := 1, true; more; share *= 10 {
				for _, x := range s.all {
					x.spend(st.of(x.c, pass), cost, share)
				}
				s.work()
				if r, err := s.result(); err != nil || r.Witness != nil || s.plan.exceeds(r) {
					r.Passes = pass
					return r, err
				}
				more = slices.ContainsFunc(s.all, (*search).more)
			}
		}
	}
	r, err := s.result()
	if i := slices.IndexFunc(s.all, (*search).noEnd); i >= 0 {
		return r, errors.Join(err, s.all[i].err)
	}
	r.Complete = r.Diverged == 0
	return r, err
}

// work has all workers explore until nothing is left, or a case is over and all
// before it.
func (s *searches) work() {
	var group sync.WaitGroup
	for range max(s.plan.Workers, 1) {
		group.Go(func() {
			var k worker
			for x := s.take(); x != nil; x = s.take() {
				s.runAll(&k, x)
			}
		})
	}
	group.Wait()
}

// take waits for a case of which there is something to run: the first that no
// other worker decides on, or else the first. There is none once all is done.
func (s *searches) take() *search {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		var found *search
		for _, x := range s.all {
			open, decided := x.available()
			if open && (found == nil || !decided) {
				found = x
			}
			if open && !decided {
				break
			}
		}
		if found != nil {
			s.busy++
			return found
		}
		if s.busy == 0 {
			s.more.Broadcast()
			return nil
		}
		s.more.Wait()
	}
}

// runAll runs branches of a case as long as there are some.
func (s *searches) runAll(k *worker, x *search) {
	for b, decide := x.next(); b != nil; b, decide = x.next() {
		switch {
		case !decide:
			k.ahead(x, b)
		case b.trail != nil:
			x.decide(b)
		default:
			k.run(x, b)
		}
		if s.plan.Progress != nil && decide {
			s.plan.Progress.Left(int(s.left.Load()))
		}
		if s.waiting.Load() > 0 {
			s.mu.Lock()
			s.more.Broadcast()
			s.mu.Unlock()
		}
	}
	s.mu.Lock()
	s.busy--
	s.more.Broadcast()
	s.mu.Unlock()
}

// result is what the explorations of all cases came to, up to the first that
// has a witness: in the last pass, cases behind that one may or may not have been
// explored.
func (s *searches) result() (r Result, err error) {
	for _, x := range s.all {
		n := x.count
		if r.Witness != nil {
			n = x.past
		} else if err == nil {
			if r.Witness = x.witness; !x.noEnd() {
				err = x.err
			}
		}
		r.Schedules += n.schedules
		r.Steps += n.steps
		if r.Diverged += n.diverged; r.Divergence == "" {
			r.Divergence = n.divergence
		}
	}
	if r.Witness == nil {
		err = errors.Join(err, s.ctx.Err())
	}
	return r, err
}

func (p Plan) exceeds(r Result) bool { return p.Limit > 0 && r.Schedules >= p.Limit }
