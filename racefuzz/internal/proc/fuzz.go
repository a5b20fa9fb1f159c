package proc

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Workers is how many cases run at the same time if nobody says. A case waits
// now and then, and races like company; with more of them most of the time goes
// into changing from one process to the next.
func Workers() int { return 2 * runtime.NumCPU() }

// Result is a case that was run, drawn from Seed.
type Result struct {
	Seed    uint64
	Case    race.Case
	Outcome Outcome
	Took    time.Duration
}

// Fuzz draws and runs cases until one is broken, and returns that one, or nil
// when there are no more seeds or ctx has ended. Whatever it runs goes to seen,
// one at a time. The seeds of cases that it broke off it gives back.
func (a *Arena) Fuzz(ctx context.Context, target Target, draw func(seed uint64) race.Case, seeds *Seeds, seen func(Result)) (*Result, error) {
	within, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var broken *Result
	var failure error
	var workers sync.WaitGroup
	for range a.Workers {
		workers.Go(func() {
			for within.Err() == nil {
				seed, more := seeds.next()
				if !more {
					return
				}
				r := Result{Seed: seed, Case: draw(seed)}
				start := time.Now()
				outcome, err := a.Run(within, target, r.Case)
				r.Outcome, r.Took = outcome, time.Since(start)
				mu.Lock()
				switch {
				case within.Err() != nil:
					seeds.back(seed)
				case err != nil:
					failure = err
					stop()
				default:
					seen(r)
					if outcome.Verdict.Broken() {
						broken = &r
						stop()
					}
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return broken, failure
}

// Seeds hands out the seeds of cases: consecutive numbers.
type Seeds struct {
	mu     sync.Mutex
	first  uint64
	end    uint64
	undone []uint64
}

// NewSeeds returns n seeds from first on, or endless ones when n is 0.
func NewSeeds(first uint64, n int) *Seeds {
	if n == 0 {
		return &Seeds{first: first, end: math.MaxUint64}
	}
	return &Seeds{first: first, end: first + uint64(n)}
}

func (s *Seeds) next() (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.undone) > 0 {
		seed := s.undone[0]
		s.undone = s.undone[1:]
		return seed, true
	}
	if s.first == s.end {
		return 0, false
	}
	s.first++
	return s.first - 1, true
}

func (s *Seeds) back(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undone = append(s.undone, seed)
}

// Repeat runs c as often as runs says, or until it was broken enough times.
// It returns how often it was broken, in how many runs, and the last outcome
// that was.
func (a *Arena) Repeat(ctx context.Context, target Target, c race.Case, runs, enough int) (broken, ran int, last Outcome, err error) {
	within, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var started atomic.Int64
	var workers sync.WaitGroup
	for range min(runs, a.Workers) {
		workers.Go(func() {
			for started.Add(1) <= int64(runs) && within.Err() == nil {
				outcome, runErr := a.Run(within, target, c)
				mu.Lock()
				switch {
				case within.Err() != nil:
				case runErr != nil:
					err = runErr
					stop()
				default:
					ran++
					if outcome.Verdict.Broken() {
						broken++
						last = outcome
					}
					if broken >= enough {
						stop()
					}
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return broken, ran, last, err
}

// Shrink returns the smallest case it finds, before ctx ends, that breaks the
// same invariant as c, with an outcome in which it does. Each candidate is
// run up to tries times.
func (a *Arena) Shrink(ctx context.Context, target Target, c race.Case, o Outcome, tries int) (race.Case, Outcome) {
	candidates, failures := reductions(c), 0
	for at := 0; failures < len(candidates) && ctx.Err() == nil; {
		// Several at a time, for they mostly wait; the first that breaks it is.
		batch := make([]Outcome, min(a.Workers, len(candidates)-failures))
		var running sync.WaitGroup
		for i := range batch {
			running.Go(func() {
				batch[i] = a.breaks(ctx, target, candidates[(at+i)%len(candidates)], o.Verdict.Invariant, tries)
			})
		}
		running.Wait()
		i := slices.IndexFunc(batch, func(o Outcome) bool { return o.Verdict.Broken() })
		if i < 0 {
			at, failures = (at+len(batch))%len(candidates), failures+len(batch)
			continue
		}
		c, o = candidates[(at+i)%len(candidates)], batch[i]
		candidates, failures = reductions(c), 0
		if len(candidates) > 0 {
			at %= len(candidates)
		}
	}
	return c, o
}

// breaks runs c until it breaks inv, at most so many times.
func (a *Arena) breaks(ctx context.Context, target Target, c race.Case, inv race.Invariant, tries int) Outcome {
	for range tries {
		o, err := a.Run(ctx, target, c)
		if err == nil && o.Verdict.Invariant == inv {
			return o
		}
	}
	return Outcome{}
}

// Tries returns how often a candidate must be run for one that breaks at this
// rate to be missed in one of ten times.
func Tries(broken, ran int) int {
	if broken == ran {
		return 1
	}
	miss := 1 - float64(broken)/float64(ran)
	return min(20, int(math.Ceil(math.Log(0.1)/math.Log(miss))))
}

// reductions returns the cases that are one step smaller than c, those that
// are much smaller first.
func reductions(c race.Case) []race.Case {
	var smaller []race.Case
	try := func(change func(*race.Case)) {
		d := c.Clone()
		change(&d)
		smaller = append(smaller, d)
	}
	for round := range meetings(c) {
		try(func(d *race.Case) { cutAfter(d, round) })
	}
	for size := (len(c.Actors) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(c.Actors); from += size {
			try(func(d *race.Case) { d.Actors = slices.Delete(d.Actors, from, from+size) })
		}
	}
	if len(c.Command) > 0 { // whose other files and options are how it is used
		if i := slices.IndexFunc(c.Files, func(f race.File) bool { return f.Name == c.PIDFile() }); i >= 0 {
			try(func(d *race.Case) { d.Files = slices.Delete(d.Files, i, i+1) })
		}
	} else if len(c.Files) > 0 || len(c.Options) > 0 {
		try(func(d *race.Case) { d.Files, d.Options = nil, nil })
	}
	for size := 8; size > 0; size /= 2 {
		for i, a := range c.Actors {
			for from := 0; from+size <= len(a.Script) && size < len(a.Script); from += size {
				try(func(d *race.Case) { d.Actors[i].Script = slices.Delete(d.Actors[i].Script, from, from+size) })
			}
		}
	}
	return smaller
}

// meetings returns how often the actors of c meet.
func meetings(c race.Case) int {
	most := 0
	for _, a := range c.Actors {
		n := 0
		for _, word := range a.Script {
			if word == opMeet {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// cutAfter ends the scripts in c where the actors have met so often.
func cutAfter(c *race.Case, often int) {
	for i := range c.Actors {
		script, n := c.Actors[i].Script, 0
		at := slices.IndexFunc(script, func(word string) bool {
			if word == opMeet {
				n++
			}
			return n > often
		})
		if at >= 0 {
			c.Actors[i].Script = script[:at]
		}
	}
}

// Title says in a sentence what a case is about.
func Title(c race.Case, v race.Verdict) string {
	servers := 0
	for _, a := range c.Actors {
		if slices.Contains(a.Script, opStart) || slices.Contains(a.Script, opHosted) {
			servers++
		}
	}
	return fmt.Sprintf("Against %s, with %d servers: %s.", c.Target, servers, v)
}
