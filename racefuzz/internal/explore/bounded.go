package explore

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounded explores every schedule of every case within the plan's bounds, those
// that spend least first, and stops at the first witness. A case with one more
// actor than another one is as far behind as if it had spent one more. Which
// witness is the first does not depend on the number of workers.
func Bounded(ctx context.Context, p Plan) (Result, error) {
	var all []*frontier
	fewest, most := p.actors()
	var ran atomic.Int64
	for _, c := range p.Cases {
		all = append(all, newFrontier(p, c, &ran))
	}
	for round := range p.Bounds.most() + 1 + max(most-fewest, 0) {
		p.Progress.reached(p.Reached(Result{Rounds: round}))
		for _, f := range all {
			f.past = f.schedules
			f.pastSteps = f.steps
		}
		found, err := forEach(p.Workers, len(all), func(i int) (bool, error) {
			f := all[i]
			err := f.spend(ctx, min(round-len(f.c.Actors)+fewest, p.Bounds.most()))
			return f.witness != nil, err
		})
		if result := sum(all, found); err != nil || result.Witness != nil || p.exceeds(result) {
			result.Rounds = round
			return result, err
		}
	}
	result := sum(all, -1)
	result.Complete = true
	return result, nil
}

// actors returns how many there are in the smallest case and in the largest.
func (p Plan) actors() (fewest, most int) {
	fewest = math.MaxInt
	for _, c := range p.Cases {
		fewest, most = min(fewest, len(c.Actors)), max(most, len(c.Actors))
	}
	return fewest, most
}

// Reached says what is complete of an exploration by [Bounded] that was stopped,
// or nothing where nothing is.
func (p Plan) Reached(r Result) string {
	fewest, most := p.actors()
	text := ""
	for n := fewest; n <= most && n < fewest+r.Rounds; n++ {
		text += fmt.Sprintf(", %d with %s", min(r.Rounds-1-n+fewest, p.Bounds.most()), count(n, "actor", "actors"))
	}
	return strings.Replace(text, ",", "complete up to so many preemptions, crashes and faults in all:", 1)
}

// Exhaustive explores every schedule of every case within the plan's bounds on
// crashes and faults, whatever preemptions it takes. It ends in reasonable
// time only where a run is a [Fingerprinter].
func Exhaustive(ctx context.Context, p Plan) (Result, error) {
	p.Bounds.Preemptions = 0
	var all []*frontier
	var ran atomic.Int64
	for _, c := range p.Cases {
		f := newFrontier(p, c, &ran)
		f.free = true
		all = append(all, f)
	}
	found, err := forEach(p.Workers, len(all), func(i int) (bool, error) {
		for total := range p.Bounds.most() + 1 {
			if err := all[i].spend(ctx, total); err != nil || all[i].witness != nil {
				return true, err
			}
		}
		return false, nil
	})
	result := sum(all, found)
	result.Complete = err == nil && result.Witness == nil && !p.exceeds(result)
	return result, err
}

// sum is what the explorations of all cases came to, up to the first witness:
// in the last round, cases behind that one may or may not have been explored.
func sum(all []*frontier, found int) Result {
	var r Result
	for i, f := range all {
		if found < 0 || i <= found {
			r.Schedules += f.schedules
			r.Steps += f.steps
		} else {
			r.Schedules += f.past
			r.Steps += f.pastSteps
		}
		if i == found {
			r.Witness = f.witness
		}
	}
	return r
}

func (p Plan) exceeds(r Result) bool { return p.Limit > 0 && r.Schedules >= p.Limit }

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
