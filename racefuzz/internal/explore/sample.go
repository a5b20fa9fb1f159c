package explore

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// chooser picks one of the moves of a schedule, none of them a fault.
type chooser func(r race.Run, moves []race.Move) int

// Random runs the plan's limit of schedules in which every choice is as likely
// as the others. Each schedule follows from the seed and its number alone, so
// that the first witness does not depend on the number of workers.
func Random(ctx context.Context, p Plan) (Result, error) {
	return sample(ctx, p, func(rng *rand.Rand) chooser {
		return func(_ race.Run, moves []race.Move) int { return rng.IntN(len(moves)) }
	})
}

// POS is as [Random], but samples orders of steps that matter instead of
// orders of steps: every next step draws a priority, the highest goes first,
// and those that compete with it draw again. ("Partial Order Aware Concurrency
// Sampling", CAV 2018)
func POS(ctx context.Context, p Plan) (Result, error) {
	return sample(ctx, p, func(rng *rand.Rand) chooser {
		priority := map[string]float64{}
		return func(r race.Run, moves []race.Move) int {
			foreteller, _ := r.(Foreteller)
			best := 0
			for i, m := range moves {
				if _, drawn := priority[m.Actor]; !drawn {
					priority[m.Actor] = rng.Float64()
				}
				if priority[m.Actor] > priority[moves[best].Actor] {
					best = i
				}
			}
			chosen := moves[best]
			for _, m := range moves {
				if m.Actor == chosen.Actor || foreteller == nil || !foreteller.Foretell(m).Commutes(foreteller.Foretell(chosen)) {
					delete(priority, m.Actor)
				}
			}
			return best
		}
	})
}

func sample(ctx context.Context, p Plan, start func(*rand.Rand) chooser) (Result, error) {
	p.Tier = until(ctx, p.Tier)
	witnesses := make([]*Witness, p.Limit)
	steps := make([]int, p.Limit)
	var ran atomic.Int64
	found, err := forEach(p.Workers, p.Limit, func(i int) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		rng := rand.New(rand.NewPCG(p.Seed, uint64(i)))
		c := p.Cases[i%len(p.Cases)]
		w, err := p.draw(c, rng, start(rng))
		if err != nil {
			return false, err
		}
		steps[i] = len(w.Events)
		ran.Add(1)
		p.Progress.Ran(len(w.Events))
		if !p.counts(w.Verdict) {
			return false, nil
		}
		witnesses[i] = &w
		return true, nil
	})
	r := Result{Schedules: int(ran.Load())}
	if found >= 0 {
		r.Witness, r.Schedules = witnesses[found], found+1
		steps = steps[:found+1]
	}
	for _, n := range steps {
		r.Steps += n
	}
	return r, err
}

// seldom is the chance that a fault befalls a step, as one in so many.
const seldom = 32

// draw runs one schedule of c.
func (p Plan) draw(c race.Case, rng *rand.Rand, choose chooser) (Witness, error) {
	w := Witness{Case: c}
	var on course
	if err := on.start(p.Tier, c); err != nil {
		return w, err
	}
	defer on.Close()
	left := p.Bounds
	var moves, faults []race.Move
	for {
		moves, faults = moves[:0], faults[:0]
		here := on.look()
		for _, m := range here.moves[:here.fair] {
			switch {
			case m.Fault == race.NoFault:
				moves = append(moves, m)
			case m.Fault == race.Crash && left.Crashes > 0, m.Fault != race.Crash && left.Faults > 0:
				faults = append(faults, m)
			}
		}
		w.Events, w.Verdict = on.events, on.Verdict()
		if w.Verdict.Broken() || len(moves) == 0 || len(w.Events) >= maxSteps {
			return w, nil
		}
		var m race.Move
		switch {
		case len(faults) > 0 && rng.IntN(seldom) == 0:
			m = faults[rng.IntN(len(faults))]
			if m.Fault == race.Crash {
				left.Crashes--
			} else {
				left.Faults--
			}
		default:
			m = moves[choose(on.Run, moves)]
		}
		if err := on.do(m); err != nil {
			return w, err
		}
	}
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
