package main

import (
	"context"
	"flag"
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

const examMode = "exam"

const examManual = `Usage: racefuzz exam [flags] [BUG]

Has every known bug looked for, or the one that is named, in every order of the
lock's steps, and prints for each how many schedules that took, how long, and
the steps and preemptions of the shortest witness. Beside that stand the tries
that it took without a scheduler, with all actors started at once, and the same
with a reader beside them: what a stress test would need.

It ends with a table of how the work grows with actors and preemptions.

Flags:
    -tries N        times to try each bug without a scheduler (default 100000)
    -time D         stop after a duration such as 10m
    -json           write JSON, one object a line
    -q              write little besides the verdict

Columns:
    mutant          the bug, as 'racefuzz list' names it
    tier            model (a file system in memory) or kernel (the real one)
    rules           whose rules the model plays
                    and the invariant that the bug was found to break
    schedules       that were run until it was
    uncontrolled    tries without a scheduler until it showed, or > their number

Exit code: 0 every bug was found, 1 one was not.

Example:
    racefuzz exam truncate-before-lock
`

// examination is the mode in which known bugs are looked for.
type examination struct {
	common
	tries int
}

func (e *examination) flags(f *flag.FlagSet) {
	e.reports(f)
	f.IntVar(&e.tries, "tries", 100_000, "")
}

func (e *examination) check(given map[string]bool, words, command []string) error {
	switch words = append(words, command...); {
	case len(words) > 1:
		return fmt.Errorf("unexpected argument %q", words[1])
	case e.tries < 0:
		return fmt.Errorf("-tries %d: at least 0", e.tries)
	case len(words) == 0:
		return nil
	}
	e.target = words[0]
	if m, _ := mutant.Lookup(e.target); !strings.ContainsAny(m.Tiers, "mk") || m.Name == mutant.Shipped {
		return &problem{fmt.Errorf("no bug %q to sit an exam on", e.target), "run 'racefuzz list' for their names"}
	}
	return nil
}

// run has every known bug looked for, beside what luck finds, and measures how
// the work grows; or it has one looked for. The exit code is that of a race
// when a bug is missed.
func (e *examination) run(ctx context.Context, out *output) (int, error) {
	start := time.Now()
	out.begin()
	ctx, cancel := e.limit(ctx)
	defer cancel()
	paper := exam.Paper{Dir: os.TempDir(), Limit: benchSchedules, Tries: e.tries, Target: e.target}
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
		if e.json {
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
