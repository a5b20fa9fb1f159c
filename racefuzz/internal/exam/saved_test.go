package exam

// Proves that every saved race is still the race that it was, step by step;
// that the real file system does what the one in memory does; and that the
// shipped protocol survives the turns at which the mutants fail.

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
	"github.com/memlatch/memlatch/racefuzz/internal/stage"
)

var update = flag.Bool("update", false, "find the saved races anew")

var races = filepath.Join("..", "..", "..", "testdata", "races")

func TestEverySavedRaceBreaksAsRecorded(t *testing.T) {
	if *update {
		save(t)
	}
	for name, r := range saved(t) {
		t.Run(name, func(t *testing.T) {
			replay(t, tierOf(t, r.Case), r)
			if m, _ := mutant.Lookup(r.Case.Target); r.Case.Tier == "model" && r.Case.Rules == "posix" && strings.Contains(m.Tiers, "k") && runtime.GOOS == "linux" {
				tier := stage.Kernel(t.TempDir())
				defer tier.Close()
				replay(t, tier, r)
			}
		})
	}
}

func replay(t *testing.T, tier race.Tier, r race.Recording) {
	t.Helper()
	w, err := explore.Replay(tier, r.Case, r.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.Verdict.String(), r.Verdict.String(); got != want {
		t.Errorf("verdict %q, recorded %q", got, want)
	}
}

func TestShippedProtocolSurvivesEverySavedRace(t *testing.T) {
	for name, r := range saved(t) {
		t.Run(name, func(t *testing.T) {
			c := r.Case
			c.Target = mutant.Shipped
			w, err := explore.Follow(tierOf(t, c), c, r.Schedule)
			if err != nil {
				t.Fatal(err)
			}
			if w.Verdict.Broken() {
				t.Errorf("%s\n%v", w.Verdict, race.ScheduleOf(w.Events))
			}
		})
	}
}

func TestEverySavedRaceReplaysAThousandTimes(t *testing.T) {
	for name, r := range saved(t) {
		tier := tierOf(t, r.Case)
		for i := range 1000 {
			w, err := explore.Replay(tier, r.Case, r.Schedule)
			if err != nil || w.Verdict.String() != r.Verdict.String() {
				t.Fatalf("%s: replay %d: %s, %v", name, i, w.Verdict, err)
			}
		}
	}
}

func TestEveryMutantHasASavedRace(t *testing.T) {
	all := saved(t)
	for _, m := range mutant.All() {
		if _, ok := all[m.Name]; !ok {
			t.Errorf("%s: no saved race", m.Name)
		}
	}
}

// saved returns the saved races of the tiers that play a case, by mutant.
func saved(t *testing.T) map[string]race.Recording {
	t.Helper()
	all := map[string]race.Recording{}
	files, err := filepath.Glob(filepath.Join(races, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := race.ParseRecording(data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if r.Case.Tier == "model" || r.Case.Tier == "kernel" {
			all[strings.TrimSuffix(filepath.Base(file), ".txtar")] = r
		}
	}
	return all
}

func tierOf(t *testing.T, c race.Case) race.Tier {
	t.Helper()
	tier := stage.Model()
	if c.Tier == "kernel" {
		if runtime.GOOS != "linux" {
			t.Skip("recorded on Linux")
		}
		tier = stage.Kernel(t.TempDir())
	}
	t.Cleanup(func() { tier.Close() })
	return tier
}

// save writes a race of each mutant: on the model where it can be seen there.
func save(t *testing.T) {
	done := map[string]bool{}
	err := Sit(t.Context(), Paper{Dir: t.TempDir(), Limit: 2000}, func(r Row) {
		if r.Invariant == "" || done[r.Mutant] {
			return
		}
		done[r.Mutant] = true
		f := r.Finding
		m, _ := mutant.Lookup(r.Mutant)
		f.Case.Title = strings.ToUpper(m.Bug[:1]) + m.Bug[1:] + "."
		recording := f.Recording()
		var lanes strings.Builder
		if err := report.Lanes(&lanes, report.Report{Case: f.Case, Events: f.Events, Verdict: f.Verdict, Critical: f.Critical}); err != nil {
			t.Fatal(err)
		}
		recording.Lanes = lanes.String()
		if err := os.WriteFile(filepath.Join(races, r.Mutant+".txtar"), recording.Format(), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
