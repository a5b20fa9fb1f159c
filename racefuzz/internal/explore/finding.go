package explore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Finding is a witness as people get to see it: with as few actors, preemptions
// and steps as were found in a bounded search, and replayed. Where the critical
// pair only comes together with one preemption more, it has that.
type Finding struct {
	Witness
	// Critical holds the indices of the critical pair in Events: two adjacent
	// steps of different actors in whose other order the case passes. It is
	// {0, 0} where no two steps alone decide.
	Critical [2]int
	Replays  int // how often the schedule was replayed, every time with the same events: as often as there was time for
}

// ErrNotReproduced is matched by the error of a witness that is gone when its
// schedule is replayed.
var ErrNotReproduced = errors.New("could not be reproduced")

// replays is how often a finding is replayed before it is reported.
const replays = 10

// effort limits the schedules that are tried for each smaller case.
const effort = 2000

// Explain makes a finding of a witness on the plan's tier. An error matching
// [ErrNotReproduced] says that the same schedule does not always give the
// same events; [*Diverged] then is in it.
func Explain(ctx context.Context, p Plan, w Witness) (Finding, error) {
	n, err := reproduce(ctx, p.Tier, w, 0, 1)
	if err != nil {
		return Finding{Witness: w}, err
	}
	first := w
	w, pair := bringTogether(ctx, until(ctx, p.Tier), shrink(ctx, p, w))
	if !reflect.DeepEqual(w.Case, first.Case) || !slices.EqualFunc(w.Events, first.Events, alike) {
		n = 0 // of this one
	}
	if w.Case.Title == "" {
		w.Case.Title = w.Verdict.Reason
	}
	n, err = reproduce(ctx, p.Tier, w, n, replays)
	return Finding{w, pair, n}, err
}

// reproduce replays a witness that was replayed n times before until that is
// so many times, or as often as there is time for, and at least once.
func reproduce(ctx context.Context, tier race.Tier, w Witness, n, times int) (int, error) {
	for n < times && (n == 0 || ctx.Err() == nil) {
		again, err := Replay(tier, w.Case, race.ScheduleOf(w.Events))
		if err != nil {
			return n, fmt.Errorf("%w: %w", ErrNotReproduced, err)
		}
		if again.Verdict != w.Verdict || !slices.EqualFunc(again.Events, w.Events, alike) {
			return n, fmt.Errorf("%w: the same steps, but %s", ErrNotReproduced, again.Verdict)
		}
		n++
	}
	return n, nil
}

// alike compares all of two events but the time and what is for people.
func alike(a, b race.Event) bool {
	a.Time, b.Time = 0, 0
	a.Detail, b.Detail = "", ""
	return reflect.DeepEqual(a, b)
}

// shrink looks for a witness of a smaller case, as long as there is one that
// breaks the same invariant, and then for the shortest of that case. What the
// case was called does not fit a smaller one.
func shrink(ctx context.Context, p Plan, w Witness) Witness {
	p.Bounds, p.Invariants = spentBy(w), []race.Invariant{w.Verdict.Invariant}
	p.Limit = effort
	before := w.Case
	for smaller := true; smaller; {
		smaller = false
		for _, c := range simpler(w.Case) {
			if found := p.shortest(ctx, c, false); found != nil {
				w, smaller = *found, true
				break
			}
		}
	}
	if !reflect.DeepEqual(w.Case, before) {
		w.Case.Title = ""
	}
	if found := p.shortest(ctx, w.Case, true); found != nil && len(found.Events) <= len(w.Events) {
		w = *found
	}
	return w
}

// shortest returns a witness of c that spends least, and of those the
// shortest if that is asked for.
func (p Plan) shortest(ctx context.Context, c race.Case, best bool) *Witness {
	p.Cases, p.Progress = []race.Case{c}, nil
	s := newSearches(ctx, p)
	defer s.release()
	s.all[0].best = best
	x := s.all[0]
	for cost := range p.Bounds.most() + 1 {
		x.spend(p.Bounds.stage(), cost, 0)
		if s.work(); x.err != nil || x.witness != nil {
			break
		}
	}
	return x.witness
}

// spentBy returns what w spends.
func spentBy(w Witness) Bounds {
	b := Bounds{Preemptions: race.Preemptions(w.Events)}
	for _, e := range w.Events {
		switch {
		case e.Op == string(race.Crash):
			b.Crashes++
		case fails(e.Step):
			b.Faults++
		}
	}
	b.Preemptions = min(b.Preemptions, 4)
	return b
}

// simpler returns cases with one thing less than c: an actor, an operation of
// a script, or what was there at the start, unless the program is set up by it.
func simpler(c race.Case) []race.Case {
	var cases []race.Case
	add := func(change func(*race.Case)) {
		less := c.Clone()
		change(&less)
		cases = append(cases, less)
	}
	for i := len(c.Actors) - 1; i >= 0 && len(c.Actors) > 1; i-- {
		add(func(c *race.Case) {
			c.Actors = slices.Delete(c.Actors, i, i+1)
			for j := range c.Actors {
				c.Actors[j].Name = race.ActorName(j)
			}
		})
	}
	for i, a := range c.Actors {
		for j := len(a.Script) - 1; j >= 0 && len(a.Script) > 1; j-- {
			add(func(c *race.Case) { c.Actors[i].Script = slices.Delete(c.Actors[i].Script, j, j+1) })
		}
	}
	for i, f := range c.Files {
		if f.Kind != race.Config {
			add(func(c *race.Case) { c.Files = slices.Delete(c.Files, i, i+1) })
		}
	}
	return cases
}
