package main

import (
	"context"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/exam"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
)

// Bounds of the exam.
const (
	benchSchedules = 2000    // for one mutant on one tier
	growSchedules  = 200_000 // for one row of the table of growth
)

// bench has every known bug looked for, beside what luck finds, and measures
// how the work grows; or it has one looked for. The exit code is that of a
// race when a bug is missed.
func bench(ctx context.Context, o options, out *output) (int, error) {
	start := time.Now()
	paper := exam.Paper{Dir: os.TempDir(), Limit: benchSchedules, Tries: o.tries}
	if o.target != shipped {
		paper.Target = o.target
		if m, _ := mutant.Lookup(o.target); !strings.ContainsAny(m.Tiers, "mk") || m.Name == mutant.Shipped {
			return 0, &problem{fmt.Errorf("no target %q for -bench", o.target), "run 'racefuzz -list' for their names"}
		}
	}
	found, missed := 0, 0
	out.row("%-31s %-6s %-8s %-3s %9s %5s %11s %9s %12s %13s",
		"mutant", "tier", "rules", "", "schedules", "steps", "preemptions", "time", "uncontrolled", "with a reader")
	err := exam.Sit(ctx, paper, func(r exam.Row) {
		if r.Invariant == "" {
			missed++
			r.Invariant = "-"
		} else {
			found++
		}
		if o.json {
			out.object("mutant", map[string]any{"mutant": r.Mutant, "tier": r.Tier, "rules": r.Rules, "invariant": r.Invariant,
				"schedules": r.Schedules, "steps": r.Steps, "preemptions": r.Preemptions, "ms": r.Time.Seconds() * 1000,
				"uncontrolled": r.Uncontrolled, "with_reader": r.Watched, "tries": r.Tries})
			return
		}
		out.row("%-31s %-6s %-8s %-3s %9d %5d %11d %8.1fms %12s %13s", r.Mutant, r.Tier, r.Rules, r.Invariant,
			r.Schedules, r.Steps, r.Preemptions, r.Time.Seconds()*1000, luck(r.Uncontrolled, r.Tries), luck(r.Watched, r.Tries))
	})
	if err == nil && paper.Target == "" {
		err = grow(ctx, out)
	}
	took := time.Since(start)
	counts := []tally{{found, "found"}, {missed, "missed"}}
	switch {
	case ctx.Err() != nil:
		return out.end(exitInterrupted, "interrupted", took, counts...), nil
	case err != nil:
		return 0, err
	case missed > 0:
		return out.end(exitRace, "not every bug was found", took, counts...), nil
	}
	return out.end(exitClean, "every bug was found", took, counts...), nil
}

// luck says how many of the tries without a scheduler it took: n, or more.
func luck(n, tries int) string {
	switch {
	case tries == 0:
		return ""
	case n == 0:
		return fmt.Sprintf(">%d", tries)
	}
	return fmt.Sprint(n)
}

func grow(ctx context.Context, out *output) error {
	out.row("\n%6s %11s %9s %10s %9s %13s", "actors", "preemptions", "schedules", "steps", "time", "interleavings")
	return exam.Grow(ctx, growSchedules, func(g exam.Growth) {
		if out.json {
			out.object("growth", map[string]any{"actors": g.Actors, "preemptions": g.Preemptions, "complete": g.Complete,
				"schedules": g.Schedules, "steps": g.Steps, "ms": g.Time.Seconds() * 1000, "interleavings": g.Interleavings.String()})
			return
		}
		more := ""
		if !g.Complete {
			more = ">"
		}
		out.row("%6d %11d %9s %10d %8.2fs %13.3g", g.Actors, g.Preemptions, more+fmt.Sprint(g.Schedules), g.Steps,
			g.Time.Seconds(), new(big.Float).SetInt(g.Interleavings))
	})
}
