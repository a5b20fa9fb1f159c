package explore

// Proves that bounded exploration runs every schedule within its bounds and no
// other, finds what takes least first, and does not miss what it skips.

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

var idle = []string{"idle", "idle", "idle"}

func TestBoundedRunsEverySchedule(t *testing.T) {
	for _, tt := range []struct {
		actors, preemptions, crashes int
		want                         int
	}{
		// Two actors of three steps: a schedule is who begins, and where turns
		// are taken away.
		{2, 0, 0, 2},
		{2, 1, 0, 2 + 4},
		{2, 9, 0, 20}, // 6! / (3! 3!)
		{3, 0, 0, 6},
		{3, 9, 0, 1680}, // 9! / (3! 3! 3!)
		// A crash takes the place of one of the three steps.
		{1, 0, 1, 1 + 3},
	} {
		var scripts [][]string
		for range tt.actors {
			scripts = append(scripts, idle)
		}
		r, err := Bounded(t.Context(), Plan{
			Tier: &toy{}, Cases: []race.Case{toyCase(scripts...)},
			Bounds: Bounds{Preemptions: tt.preemptions, Crashes: tt.crashes},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Schedules != tt.want || !r.Complete || r.Witness != nil {
			t.Errorf("%d actors, %d preemptions, %d crashes: %+v, want %d schedules", tt.actors, tt.preemptions, tt.crashes, r, tt.want)
		}
	}
}

func TestBoundedSaysHowFarItCame(t *testing.T) {
	p := Plan{
		Tier:   &toy{},
		Cases:  []race.Case{toyCase(idle, idle), toyCase(idle, idle, idle)},
		Bounds: Bounds{Preemptions: 2, Crashes: 1},
	}
	for limit, want := range map[int]string{
		1: "",
		3: "complete up to 2 actors, 0 preemptions, 0 crashes",
		// Four more of the first case, and all six of the second one.
		2 + 4 + 6 + 1: "complete up to 2 actors, 1 preemption, 0 crashes; 3 actors, 0 preemptions, 0 crashes",
		1 << 20:       "",
	} {
		p.Limit = limit
		r, err := Bounded(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Reached(r); got != want {
			t.Errorf("limit %d: %q, want %q", limit, got, want)
		}
	}
}

func TestWhatFindsMostIsExploredFirst(t *testing.T) {
	script := func(rounds int) []string { return slices.Repeat([]string{"start", "stop"}, rounds) }
	p := Plan{
		Cases:  []race.Case{toyCase(script(1)), toyCase(script(1), script(1)), toyCase(script(2), script(2))},
		Bounds: Bounds{Preemptions: 2, Crashes: 1},
	}
	s := p.stages()
	var reached []string
	for pass := range s.passes() {
		reached = append(reached, p.Reached(Result{Passes: pass + 1}))
	}
	const all, one = "2 preemptions, 1 crash", "complete up to 2 actors, 1 round, "
	second := "; 2 actors, 2 rounds, "
	want := []string{"",
		one + "0 preemptions, 0 crashes",
		one + "1 preemption, 0 crashes",
		one + "1 preemption, 1 crash",
		one + "1 preemption, 1 crash" + second + "0 preemptions, 0 crashes",
		one + "1 preemption, 1 crash" + second + "1 preemption, 0 crashes",
		one + all + second + "1 preemption, 1 crash",
		one + all + second + "1 preemption, 1 crash",
		one + all + second + "1 preemption, 1 crash",
		one + all + second + all,
	}
	if !slices.Equal(reached, want) {
		t.Errorf("after its passes it is\n%s, want\n%s", strings.Join(reached, "\n"), strings.Join(want, "\n"))
	}
}

// The first case has twenty-four orders without a witness, the second shows it in its first.
func TestEachCaseGetsItsTurn(t *testing.T) {
	p := Plan{
		Tier:  broken{"add"},
		Cases: []race.Case{toyCase(idle, idle, idle, idle), toyCase(idle, idle, idle, []string{"add"})},
	}
	for _, p.Workers = range []int{1, 4} {
		if r, err := Bounded(t.Context(), p); err != nil || r.Witness == nil || r.Schedules != 2 {
			t.Errorf("%d workers: %+v, %v, want a witness after 2 schedules", p.Workers, r, err)
		}
	}
}

// Of two cases the first has no end, and the second shows what is wrong a little later.
func TestACaseWithoutAnEndHidesNoWitness(t *testing.T) {
	endless := slices.Repeat([]string{"idle"}, 30)
	p := Plan{
		Tier:    &toy{},
		Cases:   []race.Case{toyCase(endless), toyCase([]string{"add"}, []string{"add"})},
		Bounds:  Bounds{Preemptions: 1},
		Longest: 20,
	}
	if r, err := Bounded(t.Context(), p); err != nil || r.Witness == nil {
		t.Errorf("%+v, %v, want a witness", r, err)
	}
	p.Cases[1] = toyCase(idle, idle)
	if r, err := Bounded(t.Context(), p); !errors.Is(err, errNoEnd) || r.Complete {
		t.Errorf("%+v, %v, want an error", r, err)
	}
}

// broken is the toy whose verdict is broken as soon as somebody is about to do this.
type broken struct{ by string }

func (b broken) Start(c race.Case) (race.Run, error) {
	r, err := new(toy).Start(c)
	return brokenRun{r, slices.ContainsFunc(c.Actors, func(a race.Actor) bool { return a.Script[0] == b.by })}, err
}

type brokenRun struct {
	race.Run
	is bool
}

func (r brokenRun) Verdict() race.Verdict {
	if !r.is {
		return race.Verdict{}
	}
	return race.Verdict{Invariant: race.OneHolder, Reason: "it is so from the beginning"}
}

func TestBoundedFindsTheFewestPreemptions(t *testing.T) {
	p := Plan{
		Tier:   &toy{},
		Cases:  []race.Case{toyCase(idle, []string{"add", "idle"}, []string{"idle", "add"})},
		Bounds: Bounds{Preemptions: 3},
	}
	r, err := Bounded(t.Context(), p)
	if err != nil || r.Witness == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if taken := race.Preemptions(r.Witness.Events); taken != 1 {
		t.Errorf("the witness %v has %d preemptions, want 1", race.ScheduleOf(r.Witness.Events), taken)
	}
	p.Bounds.Preemptions = 0
	if r, err := Bounded(t.Context(), p); err != nil || r.Witness != nil || !r.Complete {
		t.Errorf("without preemptions: %+v, %v", r, err)
	}
}

func TestKnownStatesAreSkippedAndNothingMissed(t *testing.T) {
	c := toyCase([]string{"idle", "idle"}, []string{"idle", "idle", "idle"}, idle)
	for _, b := range []Bounds{{1, 0, 0}, {0, 1, 0}, {1, 1, 0}, {2, 1, 0}, {1, 2, 0}} {
		everything, fewer := &toy{states: map[uint64]bool{}}, &toy{states: map[uint64]bool{}, hash: true}
		for _, tier := range []*toy{everything, fewer} {
			if _, err := Bounded(t.Context(), Plan{Tier: tier, Cases: []race.Case{c}, Bounds: b}); err != nil {
				t.Fatal(err)
			}
		}
		if len(fewer.states) != len(everything.states) || fewer.starts > everything.starts {
			t.Errorf("%s: %d states in %d schedules; without skipping %d in %d",
				b, len(fewer.states), fewer.starts, len(everything.states), everything.starts)
		}
	}
	harmless := toyCase(idle, idle, idle)
	all, _ := Exhaustive(t.Context(), Plan{Tier: &toy{}, Cases: []race.Case{harmless}})
	fewer, _ := Exhaustive(t.Context(), Plan{Tier: &toy{hash: true}, Cases: []race.Case{harmless}})
	if all.Schedules != 1680 || fewer.Schedules >= all.Schedules/4 || !fewer.Complete {
		t.Errorf("exhaustive: %+v with all schedules, %+v with new states only", all, fewer)
	}
}

func TestFirstWitnessDoesNotDependOnWorkers(t *testing.T) {
	cases := []race.Case{
		toyCase(idle, idle, idle),
		toyCase([]string{"add", "idle"}, []string{"add"}),
		toyCase([]string{"add"}, []string{"add"}),
	}
	for name, explore := range map[string]func(Plan) (Result, error){
		"bounded": func(p Plan) (Result, error) { return Bounded(t.Context(), p) },
		"random":  func(p Plan) (Result, error) { return Random(t.Context(), p) },
		"pos":     func(p Plan) (Result, error) { return POS(t.Context(), p) },
	} {
		p := Plan{Tier: &onlyOne{}, Cases: cases, Bounds: Bounds{Preemptions: 2}, Seed: 7, Limit: 500, Progress: new(Progress)}
		want, err := explore(p)
		if ran := int(p.Progress.Schedules.Load()); err != nil || want.Witness == nil || want.Schedules != ran {
			t.Fatalf("%s: %+v, %v; %d schedules were run", name, want, err, ran)
		}
		p.Workers = 4
		for range 20 {
			got, err := explore(p)
			if err != nil || got.Schedules != want.Schedules || got.Witness == nil || !same(got.Witness.Events, want.Witness.Events) {
				t.Fatalf("%s: %+v with 4 workers, %+v with one: %v", name, got, want, err)
			}
		}
	}
}

// onlyOne is the toy without its counter, which several workers would share.
type onlyOne struct{}

func (onlyOne) Start(c race.Case) (race.Run, error) { return new(toy).Start(c) }

func same(a, b []race.Event) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !alike(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestLowestIndexWins(t *testing.T) {
	// Two workers: 0 does not end before 1 has, which is a hit as well.
	for range 50 {
		one := make(chan struct{})
		found, err := forEach(2, 2, func(i int) (bool, error) {
			if i == 0 {
				<-one
			} else {
				close(one)
			}
			return true, nil
		})
		if found != 0 || err != nil {
			t.Fatalf("found %d, %v", found, err)
		}
		zero := make(chan struct{})
		found, err = forEach(2, 2, func(i int) (bool, error) {
			if i == 1 {
				<-zero
			} else {
				close(zero)
			}
			return true, nil
		})
		if found != 0 || err != nil {
			t.Fatalf("found %d, %v", found, err)
		}
	}
}
