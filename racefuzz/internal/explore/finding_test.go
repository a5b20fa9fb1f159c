package explore

// Proves that a finding is small, shows the two steps that decide, and is
// reported only when it can be replayed; and that a replay says where it
// parts from what was recorded.

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// lost is a schedule with much in it that does not matter.
func lost(t *testing.T, tier race.Tier) Witness {
	t.Helper()
	c := toyCase([]string{"idle", "add", "idle"}, idle, []string{"add", "add"})
	w, err := Replay(tier, c, schedule("b idle, a idle, a read, b idle, c read, c write, a write"))
	if err != nil || !w.Verdict.Broken() {
		t.Fatalf("%+v, %v", w, err)
	}
	return w
}

func schedule(text string) race.Schedule {
	var s race.Schedule
	for part := range strings.SplitSeq(text, ", ") {
		step, _ := race.ParseStep(part)
		s = append(s, step)
	}
	return s
}

func TestFindingIsShrunkToWhatDecides(t *testing.T) {
	tier := &toy{}
	w := lost(t, tier)
	f, err := Explain(t.Context(), Plan{Tier: tier}, w)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Case.Actors) != 2 || len(f.Events) != 4 {
		t.Errorf("%d actors, schedule %v; want two actors and four steps", len(f.Case.Actors), race.ScheduleOf(f.Events))
	}
	i, j := f.Critical[0], f.Critical[1]
	if j != i+1 || f.Events[i].Actor == f.Events[j].Actor {
		t.Fatalf("critical pair %v of %v", f.Critical, race.ScheduleOf(f.Events))
	}
	swapped := race.ScheduleOf(f.Events)
	swapped[i], swapped[j] = swapped[j], swapped[i]
	if w, err := Follow(tier, f.Case, swapped); err != nil || w.Verdict.Broken() {
		t.Errorf("with the critical pair %v swapped: %s, %v", f.Critical, w.Verdict, err)
	}
}

func TestAFindingIsReplayedAsOftenAsThereIsTimeFor(t *testing.T) {
	tier := &toy{}
	w := lost(t, tier)
	f, err := Explain(t.Context(), Plan{Tier: tier}, w)
	if err != nil || f.Replays != replays {
		t.Errorf("replayed %d times, %v; want %d", f.Replays, err, replays)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	f, err = Explain(over, Plan{Tier: tier}, w)
	if err != nil || f.Replays != 1 || !f.Verdict.Broken() {
		t.Errorf("without time: replayed %d times, %v, %v; want once", f.Replays, f.Verdict, err)
	}
}

func TestWhatCannotBeReplayedIsNotReported(t *testing.T) {
	tier := &toy{flawed: true}
	w := lost(t, tier)
	if _, err := Explain(t.Context(), Plan{Tier: tier}, w); !errors.Is(err, ErrNotReproduced) {
		t.Errorf("error %v, want ErrNotReproduced", err)
	}
}

func TestReplayNamesTheFirstStepThatDiffers(t *testing.T) {
	c := toyCase([]string{"add"}, []string{"add"})
	for _, tt := range []struct{ recorded, want string }{
		{"a read: 0, b read: 1", `step 2: recorded "b read: 1", but now it is "b read: 0"`},
		{"a read, a read", `step 2: recorded "a read", but a is about to write`},
		{"a read, a write, a read", `step 3: recorded "a read", but a cannot move`},
		{"a crash, a read", `step 2: recorded "a read", but a cannot move`},
	} {
		_, err := Replay(&toy{}, c, schedule(tt.recorded))
		var diverged *Diverged
		if !errors.As(err, &diverged) || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %s", tt.recorded, err, tt.want)
		}
	}
}

func TestFollowGivesTurnsAndFinishes(t *testing.T) {
	// c has no turns in the schedule, and b has more than it needs.
	c := toyCase([]string{"idle", "idle"}, []string{"add"}, []string{"idle"})
	w, err := Follow(&toy{}, c, schedule("b x, a x, b x, b x, a crash"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range race.ScheduleOf(w.Events) {
		got = append(got, s.String())
	}
	if text := strings.Join(got, ", "); text != "b read: 0, a idle, b write: 1, a crash, c idle" {
		t.Errorf("followed as %s", text)
	}
}
