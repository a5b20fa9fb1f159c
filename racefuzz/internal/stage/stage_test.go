package stage

// Proves that a case in memory and the same case on the real file system are
// the same, event by event; that a crash runs no clean-up; and that the same
// moves give the same events.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestModelAndKernelAgreeEventByEvent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the model's rules are those of Linux, or of Windows")
	}
	model, kernel := Model(), Kernel(t.TempDir())
	defer kernel.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, target := range append(mutant.All(), mutant.Protocol{Name: mutant.Shipped}) {
		for _, c := range Cases(target.Name, "", "posix") {
			fifo := len(c.Files) > 0 && c.Files[0].Kind == race.FIFO
			if target.Rules == "windows" || fifo && target.Name != mutant.Shipped {
				continue // the model does not play what is read from a FIFO
			}
			agree(t, model, kernel, c, rng)
		}
	}
}

// agree plays c on both tiers with the same random moves.
func agree(t *testing.T, model, kernel race.Tier, c race.Case, rng *rand.Rand) {
	t.Helper()
	a, b := start(t, model, c), start(t, kernel, c)
	defer a.Close()
	defer b.Close()
	var events []race.Event
	for {
		moves := a.Moves()
		if got, want := fmt.Sprint(b.Moves()), fmt.Sprint(moves); got != want {
			t.Fatalf("%s, %s: after %v the kernel can %s, the model %s", c.Target, c.Title, race.ScheduleOf(events), got, want)
		}
		if len(moves) == 0 {
			break
		}
		m := moves[rng.IntN(len(moves))]
		if m.Fault != race.NoFault && rng.IntN(8) > 0 {
			m = moves[0]
		}
		want, got := do(t, a, m), do(t, b, m)
		want.Detail, got.Detail = "", "" // the systems' own words
		if got != want {
			t.Fatalf("%s, %s: after %v\nkernel %+v\nmodel  %+v", c.Target, c.Title, race.ScheduleOf(events), got, want)
		}
		events = append(events, want)
	}
	if got, want := b.Verdict(), a.Verdict(); got != want {
		t.Errorf("%s, %s: %v\nkernel %s\nmodel  %s", c.Target, c.Title, race.ScheduleOf(events), got, want)
	}
}

func TestCrashRunsNoCleanUp(t *testing.T) {
	tier := Model()
	c := race.Case{Target: mutant.Shipped, Rules: "posix", Actors: []race.Actor{{Name: "a", Script: []string{"acquire", "release"}}}}
	for steps := 0; ; steps++ {
		r := start(t, tier, c)
		before := race.Event{File: "-"}
		for range steps {
			before = do(t, r, r.Moves()[0])
		}
		if moves := r.Moves(); len(moves) < 2 || moves[1].Fault != race.Crash {
			r.Close()
			if len(moves) == 1 && moves[0].Actor == "a" {
				continue // what has returned cannot crash
			}
			if steps < 10 {
				t.Fatalf("only %d steps", steps)
			}
			return
		}
		after := do(t, r, r.Moves()[1])
		if after.File != before.File || after.Lock != "" || after.Orphans != "" {
			t.Errorf("crash after %d steps: file %q, lock %q %q; before it was %q", steps, after.File, after.Lock, after.Orphans, before.File)
		}
		for _, m := range r.Moves() {
			if m.Actor != Next {
				t.Errorf("crash after %d steps: still %+v", steps, m)
			}
		}
		r.Close()
	}
}

func TestRestartIsANewProcess(t *testing.T) {
	tier := Model()
	c := race.Case{Target: mutant.Shipped, Rules: "posix", Actors: []race.Actor{{Name: "a", Script: []string{"acquire", "crash", "restart", "acquire"}}}}
	r := start(t, tier, c)
	defer r.Close()
	var files []string
	for len(r.Moves()) > 0 && r.Moves()[0].Actor == "a" {
		e := do(t, r, r.Moves()[0])
		if e.Op == "acquire" {
			files = append(files, e.Result+" "+e.File)
		}
	}
	if got, want := fmt.Sprintf("%q", files), `["ok 101\n" "ok 201\n"]`; got != want {
		t.Errorf("starts: %s, want %s", got, want)
	}
}

func TestKernelLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	tier := Kernel(dir)
	for _, c := range Cases(mutant.Shipped, "kernel", "") {
		if runtime.GOOS == "windows" && len(c.Files) > 0 && c.Files[0].Kind != race.Regular {
			continue
		}
		r := start(t, tier, c)
		do(t, r, r.Moves()[0])
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := tier.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestUncontrolledFindsWhatNeedsNoLuckAndNothingElse(t *testing.T) {
	u, err := NewUncontrolled(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for _, c := range Cases(mutant.Shipped, "kernel", "") {
		if runtime.GOOS == "windows" && len(c.Files) > 0 && c.Files[0].Kind != race.Regular {
			continue
		}
		for range 3 {
			if wrong, err := u.Try(c, true); err != nil || wrong {
				t.Errorf("%s: wrong %v, %v", c.Title, wrong, err)
			}
		}
	}
	c := Cases("no-truncate", "kernel", "")[1]
	if wrong, err := u.Try(c, true); err != nil || !wrong {
		t.Errorf("no-truncate, %s: wrong %v, %v", c.Title, wrong, err)
	}
}

func start(t *testing.T, tier race.Tier, c race.Case) race.Run {
	t.Helper()
	r, err := tier.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func do(t *testing.T, r race.Run, m race.Move) race.Event {
	t.Helper()
	e, err := r.Do(m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// BenchmarkModel is the speed of a core: its metric is steps per second, those
// of setting cases up included.
func BenchmarkModel(b *testing.B) {
	tier := Model()
	c := Servers(mutant.Shipped, "model", "posix", 3, 1)[0]
	rng := rand.New(rand.NewPCG(1, 2))
	steps := 0
	for b.Loop() {
		r, err := tier.Start(c)
		if err != nil {
			b.Fatal(err)
		}
		for moves := r.Moves(); len(moves) > 0; moves = r.Moves() {
			i := rng.IntN(len(moves))
			if moves[i].Fault != race.NoFault {
				i = 0
			}
			if _, err := r.Do(moves[i]); err != nil {
				b.Fatal(err)
			}
			steps++
		}
		r.Close()
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
}
