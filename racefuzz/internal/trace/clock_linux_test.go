package trace

// Proves that programs go by the clock of their case, in what they are told, in how
// long they wait and in the times of their files; that it takes no time; and that
// what is wrong with a daemon that goes by time is found.

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

var clockBugs = []bug{
	{"steals", "I1 I2 I4 I5", true},
	{"starts-anyway", "I1 I2 I4 I5", true},
	{"rewrites", "I2", true},
	{"lease", "I1 I2 I4 I5", false},
	{"written-time", "I1 I2 I4 I5", false},
	{"whole-seconds", "I1 I2 I4 I5", false},
	{"short-of-grace", "I1 I2 I4 I5", false},
}

// needClock skips a test where programs cannot be put on a clock.
func needClock(t *testing.T) {
	t.Helper()
	if !ownClock {
		t.Skip("programs go by the machine's clock here")
	}
}

// enough is within how many schedules each is found.
const enough = 500

func TestWhatIsWrongWithTimeIsFound(t *testing.T) {
	needClock(t)
	binary := buildProgram(t, "clock")
	for _, b := range clockBugs {
		if !b.quick && !*exam {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			var f finding
			p := program.Program{Command: []string{binary, b.name, "{pidfile}"}, NoStale: true}
			err := Tier{Dir: t.TempDir()}.Try(t.Context(), p, func(tier Tier, p program.Program) (err error) {
				plan := explore.Plan{Tier: tier, Cases: Cases(p, 2, 1), Bounds: explore.Bounds{Preemptions: 2, Crashes: 1}, Limit: enough, Workers: *workers}
				if f, err = found(explore.Bounded(t.Context(), plan)); err != nil || !f.Verdict.Broken() {
					return err
				}
				if p.Clock == "" {
					t.Error("it is not on a clock of its own")
				}
				_, err = explore.Explain(t.Context(), plan, f.Witness)
				return err
			})
			if err != nil || f.Diverged > 0 || !strings.Contains(b.breaks, string(f.Verdict.Invariant)) {
				t.Fatalf("after %d schedules: %v, %v, want one of %s; %s", f.Schedules, f.Verdict, err, b.breaks, f.Divergence)
			}
			t.Logf("%d schedules, %d steps: %v", f.Schedules, len(f.Events), f.Verdict)
		})
	}
}

func TestWhoGoesByTimeRightlyIsClean(t *testing.T) {
	needClock(t)
	binary := buildProgram(t, "clock")
	bounds := explore.Bounds{Preemptions: 1}
	if *exam {
		bounds = explore.Bounds{Preemptions: 2, Crashes: 1}
	}
	p := program.Program{Command: []string{binary, "steals", "{pidfile}", "right"}, NoStale: true}
	err := Tier{Dir: t.TempDir()}.Try(t.Context(), p, func(tier Tier, p program.Program) error {
		f, err := found(explore.Bounded(t.Context(), explore.Plan{Tier: tier, Cases: Cases(p, 2, 1), Bounds: bounds, Workers: *workers}))
		if err == nil && (f.Verdict.Broken() || !f.Complete) {
			t.Errorf("%v, complete: %v; %s\n%s", f.Verdict, f.Complete, f.Divergence, lanes(f.Events))
		}
		t.Logf("%d schedules", f.Schedules)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// asksForTheTime writes what it is told before and after it has waited in several
// ways, and when its files were made.
const asksForTheTime = `
date +%s.%N >"$1.0"; stat -c %.9Y "$1.0" >>"$1.0"
sleep 5
date +%s.%N >"$1.1"; stat -c %.9Y "$1.1" >>"$1.1"
flock -w 7 "$1.1" true
flock "$1.1" -c "flock -w 7 $1.1 true; date +%s.%N >$1.2"
timeout 11 sleep 3600
if command -v perl >/dev/null; then # which asks for the time itself
	perl -e '$began = time; system "sleep 5"; exit(time - $began < 5)' || exit 1
else
	sleep 5
fi
date +%s.%N >"$1.3"
touch -d '@1000000000' "$1.0"
exec sleep 1000000
`

func TestProgramsGoByTheClock(t *testing.T) {
	needClock(t)
	needFlock(t)
	p := shProgram(t, asksForTheTime)
	p.Ready, p.Stop, p.Losers, p.Calls, p.Clock = "it never says so", "term", "exit", everyCall, "2031-05-06T07:08:09Z"
	base, _ := time.Parse(time.RFC3339, p.Clock)
	c := p.Case(Name)
	c.Actors = []race.Actor{{Name: "a", Script: []string{opStart}}}
	began := time.Now()
	r, err := start(c, Tier{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for m, _, ok := explore.Onward(r, r.events); ok && r.clock.passed < time.Minute; m, _, ok = explore.Onward(r, r.events) {
		if _, err := r.Do(m); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("sleeping took real time: %v", took)
	}
	for i, want := range []time.Duration{0, 5 * time.Second, 12 * time.Second, 28 * time.Second} {
		path := r.path(fmt.Sprintf("%s.%d", r.settings.PIDName(), i))
		text, _ := os.ReadFile(path)
		for _, line := range strings.Fields(string(text)) {
			at := seconds(t, line).Sub(base)
			if at < want || at > want+time.Second {
				t.Errorf("file %d says %v, want %v", i, at, want)
			}
		}
		if st, err := os.Stat(path); err != nil || len(text) == 0 {
			t.Errorf("file %d: %v, %q", i, err, text)
		} else if at := st.ModTime().Sub(base); i > 0 && (at < want || at > want+time.Second) {
			t.Errorf("file %d was changed at %v, want %v", i, at, want)
		} else if i == 0 && st.ModTime().Unix() != 1000000000 {
			t.Errorf("a time that the program has set itself is %v", st.ModTime())
		}
	}
}

// seconds reads seconds with a fraction.
func seconds(t *testing.T, text string) time.Time {
	t.Helper()
	var sec, nsec int64
	if _, err := fmt.Sscanf(text, "%d.%9d", &sec, &nsec); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return time.Unix(sec, nsec)
}
