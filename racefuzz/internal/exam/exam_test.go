package exam

// Proves that the explorer finds every bug of the corpus soon, and that the
// shipped protocol has none of them within the bounds.

import (
	"flag"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/stage"
)

var exam = flag.Bool("exam", false, "sit the exam of every mutant, and try the shipped protocol under all rules")

func TestEveryMutantIsFoundSoon(t *testing.T) {
	paper := Paper{Dir: t.TempDir(), Limit: 2000}
	for i, m := range mutant.All() {
		if !*exam && i%4 > 0 {
			continue
		}
		sat := 0
		paper.Target = m.Name
		err := Sit(t.Context(), paper, func(r Row) {
			sat++
			if r.Invariant == "" {
				t.Errorf("%s, %s tier: not found in %d schedules", r.Mutant, r.Tier, r.Schedules)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if sat == 0 {
			t.Errorf("no row for %s", m.Name)
		}
	}
}

func TestShippedProtocolHasNoneOfTheBugs(t *testing.T) {
	for _, rules := range []string{"posix", "windows", "windows-legacy", "wine"} {
		if !*exam && rules != "posix" {
			continue
		}
		t.Run(rules, func(t *testing.T) {
			tier := stage.Model()
			defer tier.Close()
			expectClean(t, explore.Plan{
				Tier: tier, Cases: stage.Cases(mutant.Shipped, "model", rules),
				Bounds: explore.Bounds{Preemptions: 1, Crashes: 1, Faults: 1}, Workers: 2,
			})
		})
	}
	t.Run("kernel", func(t *testing.T) {
		tier := stage.Kernel(t.TempDir())
		defer tier.Close()
		expectClean(t, explore.Plan{
			Tier: tier, Cases: stage.Cases(mutant.Shipped, "kernel", ""),
			Bounds: explore.Bounds{Preemptions: 1}, Workers: 2,
		})
	})
}

func expectClean(t *testing.T, p explore.Plan) {
	t.Helper()
	r, err := explore.Bounded(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Witness != nil {
		t.Fatalf("%s: %s\n%v", r.Witness.Case.Title, r.Witness.Verdict, race.ScheduleOf(r.Witness.Events))
	}
	if !r.Complete {
		t.Errorf("not complete after %d schedules", r.Schedules)
	}
	t.Logf("complete: %s, %d schedules, %d steps", p.Bounds, r.Schedules, r.Steps)
}
