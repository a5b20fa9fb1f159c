// Package exam measures the explorer: on every bug of the corpus, beside what
// luck would find, and by how its work grows.
package exam

import (
	"context"
	"math/big"
	"runtime"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/stage"
)

// Bounds are those within which every mutant shows itself, and the shipped
// protocol must not break.
var Bounds = explore.Bounds{Preemptions: 2, Crashes: 1, Faults: 1}

// Row is one mutant on one tier.
type Row struct {
	Mutant      string
	Tier        string
	Rules       string
	Invariant   race.Invariant // that was broken; "" for none
	Schedules   int            // to the first witness, or in all
	Time        time.Duration  // likewise
	Steps       int            // of the shrunk witness
	Preemptions int            // likewise
	// Uncontrolled is the number of tries, with all actors started at once
	// and no scheduler, until the mutant showed itself; 0 when it did not
	// within Tries, which is 0 where it was not tried. Watched is the same
	// with a reader beside the actors.
	Uncontrolled int
	Watched      int
	Tries        int
	Finding      explore.Finding
}

// Paper says what is to be sat.
type Paper struct {
	Dir    string // the kernel tier's temporary directories are made below it
	Target string // the only mutant, or "" for all
	Limit  int    // of schedules for one mutant on one tier
	Tries  int    // of uncontrolled ones; 0 for none
}

// Sit runs every mutant on every tier of the explorer that can see it, and
// calls each with what came of it.
func Sit(ctx context.Context, p Paper, each func(Row)) error {
	for _, m := range mutant.All() {
		if p.Target != "" && m.Name != p.Target {
			continue
		}
		for _, letter := range []string{"m", "k"} {
			elsewhere := letter == "k" && m.Rules == "windows" && runtime.GOOS != "windows"
			if !strings.Contains(m.Tiers, letter) || elsewhere {
				continue
			}
			row, err := sit(ctx, p, m, letter)
			if err != nil {
				return err
			}
			each(row)
		}
	}
	return nil
}

func sit(ctx context.Context, p Paper, m mutant.Protocol, letter string) (Row, error) {
	row := Row{Mutant: m.Name, Tier: "model", Rules: "posix"}
	tier := stage.Model()
	if m.Rules != "" {
		row.Rules = m.Rules
	}
	if letter == "k" {
		row.Tier, row.Rules = "kernel", ""
		tier = stage.Kernel(p.Dir)
	}
	defer tier.Close()
	plan := explore.Plan{
		Tier:       tier,
		Cases:      stage.Cases(m.Name, row.Tier, row.Rules),
		Bounds:     Bounds,
		Invariants: m.Breaks,
		Limit:      p.Limit,
	}
	began := time.Now()
	result, err := explore.Bounded(ctx, plan)
	row.Schedules, row.Time = result.Schedules, time.Since(began)
	if err != nil || result.Witness == nil {
		return row, err
	}
	row.Invariant = result.Witness.Verdict.Invariant
	row.Finding, err = explore.Explain(ctx, plan, *result.Witness)
	if err != nil {
		return row, err
	}
	row.Steps, row.Preemptions = len(row.Finding.Events), race.Preemptions(row.Finding.Events)
	last := letter == "k" || !strings.Contains(m.Tiers, "k")
	if last && m.Rules == "" && p.Tries > 0 {
		row.Tries = p.Tries
		row.Uncontrolled, err = luck(ctx, p, result.Witness.Case, false)
		if err == nil {
			row.Watched, err = luck(ctx, p, result.Witness.Case, true)
		}
	}
	return row, err
}

// luck returns the number of the first uncontrolled try in which c goes wrong.
func luck(ctx context.Context, p Paper, c race.Case, reader bool) (int, error) {
	u, err := stage.NewUncontrolled(p.Dir)
	if err != nil {
		return 0, err
	}
	defer u.Close()
	for n := 1; n <= p.Tries; n++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		wrong, err := u.Try(c, reader)
		if err != nil || wrong {
			return n, err
		}
	}
	return 0, nil
}

// Growth is how much there is to explore of the shipped protocol within a
// bound on preemptions, without crashes, for servers that start and stop once.
type Growth struct {
	Actors        int
	Preemptions   int
	Complete      bool
	Schedules     int
	Steps         int
	Time          time.Duration
	Interleavings *big.Int // of as many actors whose steps are those of a start and a stop alone
}

// Grow measures 2 to 4 actors with 0 to 3 preemptions, each up to a limit of
// schedules.
func Grow(ctx context.Context, limit int, each func(Growth)) error {
	tier := stage.Model()
	defer tier.Close()
	alone, err := stepsAlone(ctx, tier)
	if err != nil {
		return err
	}
	for actors := 2; actors <= 4; actors++ {
		for preemptions := range 4 {
			began := time.Now()
			r, err := explore.Bounded(ctx, explore.Plan{
				Tier:   tier,
				Cases:  stage.Servers(mutant.Shipped, "model", "posix", actors, 1)[:1],
				Bounds: explore.Bounds{Preemptions: preemptions},
				Limit:  limit,
			})
			if err != nil {
				return err
			}
			each(Growth{
				Actors: actors, Preemptions: preemptions, Complete: r.Complete,
				Schedules: r.Schedules, Steps: r.Steps, Time: time.Since(began),
				Interleavings: interleavings(actors, alone),
			})
		}
	}
	return nil
}

// stepsAlone returns the number of steps of a start and a stop that nobody
// disturbs: half of what one server and the next one make, without the two
// events that say what came of it.
func stepsAlone(ctx context.Context, tier race.Tier) (int, error) {
	r, err := explore.Bounded(ctx, explore.Plan{Tier: tier, Cases: stage.Servers(mutant.Shipped, "model", "posix", 1, 1)[:1]})
	return r.Steps/2 - 2, err
}

// interleavings is the number of orders of actors with that many steps each:
// (actors × steps)! / (steps!)^actors.
func interleavings(actors, steps int) *big.Int {
	n := big.NewInt(1)
	for i := range actors {
		all := int64((i + 1) * steps)
		n.Mul(n, new(big.Int).Binomial(all, int64(steps)))
	}
	return n
}
