package trace

// Proves that programs go by the clock of their case, in what they are told, in how
// long they wait and in the times of their files; that it takes no time; and that
// what is wrong with a daemon that goes by time is found.

import (
	"errors"
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
sleep 4 & # a signal that they ignore does not end a wait, nor begin it anew
first=$! second=$!
if command -v perl >/dev/null; then # which is told how much was left
	perl -e '($ready, $left) = select undef, undef, undef, 4; exit($left > 0)' &
	second=$!
fi
sleep 1; kill -WINCH $first $second
wait $second || exit 1
date +%s.%N >"$1.4"
wait $first
date +%s.%N >"$1.5"
touch -d '@1000000000' "$1.0"
exec sleep 1000000
`

func TestProgramsGoByTheClock(t *testing.T) {
	needFlock(t)
	began := time.Now()
	r := clocked(t, asksForTheTime, 1)
	base := r.clock.base
	for m, _, ok := explore.Onward(r, r.events); ok && r.clock.passed < time.Minute; m, _, ok = explore.Onward(r, r.events) {
		if _, err := r.Do(m); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("sleeping took real time: %v", took)
	}
	for i, want := range []time.Duration{0, 5 * time.Second, 12 * time.Second, 28 * time.Second, 32 * time.Second, 32 * time.Second} {
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

// clocked starts a script on a clock of its own, with actors that start.
func clocked(t *testing.T, script string, actors int) *run {
	t.Helper()
	needClock(t)
	p := shProgram(t, script)
	p.Command = append(p.Command, "{n}")
	p.Ready, p.Stop, p.Losers, p.Calls, p.Clock = "it never says so", "term", "exit", everyCall, "2031-05-06T07:08:09Z"
	c := p.Case(Name)
	for i := range actors {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: []string{opStart}})
	}
	r, err := start(c, Tier{Dir: t.TempDir()})
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// make makes the move of an actor, or of a process of it, that is called so.
func (r *run) make(t *testing.T, actor, op string) race.Event {
	t.Helper()
	for _, m := range r.Moves() {
		if race.ActorOf(m.Actor) == actor && m.Op == op && m.Fault == race.NoFault {
			e, err := r.Do(m)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
	}
	t.Fatalf("%s cannot %s now, only %v", actor, op, r.Moves())
	return race.Event{}
}

func TestTimePassesToTheNextEndOfAWait(t *testing.T) {
	r := clocked(t, `sleep $((3 - $2)); exec sleep 1000`, 3)
	for _, name := range []string{"a", "b", "c"} {
		r.make(t, name, opStart)
	}
	for i, name := range []string{"c", "b", "a"} {
		var wakes []race.Move
		for _, m := range r.Moves() {
			if m.Op == opWake {
				wakes = append(wakes, m)
			}
		}
		if len(wakes) != 1 || race.ActorOf(wakes[0].Actor) != name {
			t.Fatalf("%v may wake, want %s", wakes, name)
		}
		r.make(t, name, opWake)
		if want := time.Duration(i+1) * time.Second; r.clock.passed != want {
			t.Errorf("%v has passed, want %v", r.clock.passed, want)
		}
	}
}

// A thread that waits may come to its wait before or after another one of the same
// process is stopped before a call, and the moves that there are do not tell.
func TestWhoIsAboutToDoSomethingDoesNotDoze(t *testing.T) {
	waits := &task{state: running, wait: &wait{until: time.Second}}
	a := &actor{procs: []*process{{tasks: []*task{waits}}}}
	if !a.dozes() {
		t.Error("who waits for a time does not doze")
	}
	a.procs[0].tasks = append(a.procs[0].tasks, &task{state: pending})
	if a.dozes() {
		t.Error("who is about to make a call dozes")
	}
}

// A program can keep what time it was when it made a step, and so the state is
// another one.
func TestTheStateSaysWhenAStepWasMade(t *testing.T) {
	const script = `[ "$2" = 0 ] || sleep 1; [ -e "$1.x" ]; [ -e "$1.y" ]; exec sleep 1000`
	var states []string
	for _, first := range []string{"a", "b"} {
		t.Run(first, func(t *testing.T) { // a run keeps the thread on which it was started
			r := clocked(t, script, 2)
			r.make(t, "a", opStart)
			r.make(t, "b", opStart)
			if first == "b" {
				r.make(t, "b", opWake)
			}
			r.make(t, "a", "newfstatat")
			if first == "a" {
				r.make(t, "b", opWake)
			}
			r.make(t, "a", "newfstatat")
			states = append(states, ranked(renumber(r.describe([]int{0, 1}, ""))))
		})
	}
	if len(states) == 2 && states[0] == states[1] {
		t.Errorf("a made its step before and after a second had passed, and the state is\n%s", states[0])
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
