package trace

// Proves that racefuzz finds the race in unmodified programs of three
// languages, whatever the bug, and none in those that are correct. With -exam
// the whole corpus sits for it, which takes minutes.

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

var (
	exam    = flag.Bool("exam", false, "run every daemon of the corpus, the correct ones to the end of their bounds")
	workers = flag.Int("workers", 2, "cases run at the same time")
)

// daemons is where the corpus lies.
var daemons, _ = filepath.Abs("../../../testdata/daemons")

// bug is a daemon and the invariants it may be found to break.
type bug struct {
	name   string
	breaks string
	quick  bool // it is run without -exam
}

var goBugs = []bug{
	{"truncate-before-lock", "I2", true},
	{"no-recheck", "I1 I2", false},
	{"unlock-then-unlink", "I1 I5", false},
	{"loser-unlinks", "I4 I5", false},
	{"unlink-by-path", "I5", false},
	{"no-truncate", "I4", false},
	{"rewrite-truncating", "I2", false},
	{"write-before-lock", "I2", false},
	{"exists-means-running", "I4", true},
	{"stale-by-pid", "I1 I2 I4 I5", false},
	{"check-then-write", "I1 I2 I11", false},
	{"crash-between-create-and-write", "I4", false},
	{"follows-symlink", "I11", false},
	{"child-inherits-lock", "I4", true},
	{"close-without-unlock", "I7", false},
	{"record-lock-lost", "I1 I2", false},
	{"collected-lock", "I1 I2", false},
	{"probe-takes-exclusive", "I4 I7", false},
	{"probe-trusts-residue", "I6", false},
	{"probe-reads-then-locks", "I6", false},
	{"probe-creates", "I3", false},
	{"losers-forgotten", "I8", false},
}

var pythonBugs = []bug{
	{"truncate_before_lock", "I2", true},
	{"no_recheck", "I1 I2", false},
	{"unlock_then_unlink", "I1 I5", false},
	{"loser_unlinks", "I5", false},
	{"write_before_lock", "I2", false},
	{"no_truncate", "I4", false},
	{"rewrite_truncating", "I2", false},
	{"exists_means_running", "I4", false},
	{"stale_by_pid", "I1 I2 I4 I5", false},
	{"check_then_write", "I1 I2", false},
	{"child_inherits_lock", "I4", false},
	{"close_without_unlock", "I7", false},
	{"record_lock_lost", "I1 I2", false},
}

var shBugs = []bug{
	{"truncate_before_lock", "I2", true},
	{"no_recheck", "I1 I2", false},
	{"unlock_then_unlink", "I1 I5", false},
	{"loser_unlinks", "I5", false},
	{"write_before_lock", "I2", false},
	{"no_truncate", "I4", false},
	{"rewrite_truncating", "I2", false},
	{"exists_means_running", "I4", false},
	{"stale_by_pid", "I1 I2 I4 I5", false},
	{"check_then_write", "I1 I2", false},
	{"child_inherits_lock", "I4", false},
}

func TestRacesInGoAreFound(t *testing.T) {
	binary := buildDaemon(t)
	findAll(t, goBugs, func(name string) program.Program {
		p := program.Program{Command: []string{binary, name, "{pidfile}"}, Losers: "exit"}
		p.Tamper = name != "crash-between-create-and-write" // it unlinks by its path as well, which would be found first
		if strings.HasPrefix(name, "probe-") {
			p.Probe = words(binary, name, "{pidfile}", "probe")
		}
		if name == "losers-forgotten" {
			p.Losers = "serve"
		}
		return p
	})
}

func TestRacesInPythonAreFound(t *testing.T) {
	python := findPython(t)
	findAll(t, pythonBugs, func(name string) program.Program {
		return program.Program{Command: []string{python, filepath.Join(daemons, "python", name+".py"), "{pidfile}"}, Losers: "exit"}
	})
}

func TestRacesInShellScriptsAreFound(t *testing.T) {
	needFlock(t)
	findAll(t, shBugs, func(name string) program.Program {
		return program.Program{Command: []string{"sh", filepath.Join(daemons, "sh", name+".sh"), "{pidfile}"}, Losers: "exit"}
	})
}

func findAll(t *testing.T, bugs []bug, program func(name string) program.Program) {
	for _, b := range bugs {
		if !b.quick && !*exam {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			schedules, found := search(t, program(b.name), 2, explore.Bounds{Preemptions: 2, Crashes: 1}, 2)
			if !strings.Contains(b.breaks, string(found.Verdict.Invariant)) || !found.Verdict.Broken() {
				t.Fatalf("after %d schedules: %v, want one of %s\n%s", schedules, found.Verdict, b.breaks, lanes(found.Events))
			}
			t.Logf("%d schedules, %d steps: %v", schedules, len(found.Events), found.Verdict)
		})
	}
}

// search explores the program's cases until one breaks an invariant, and
// replays that.
func search(t *testing.T, p program.Program, actors int, b explore.Bounds, rounds int) (int, finding) {
	t.Helper()
	cases, err := casesOf(p, actors, rounds)
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := found(explore.Bounded(t.Context(), explore.Plan{Tier: Tier{}, Cases: cases, Bounds: b, Workers: *workers}))
	if err != nil || r.Diverged > 0 {
		t.Fatalf("%s: %v, %d diverged: %s", cases[0].Title, err, r.Diverged, r.Divergence)
	}
	if !r.Verdict.Broken() {
		return r.Schedules, r
	}
	c := r.Case
	again, err := explore.Replay(Tier{}, c, race.ScheduleOf(r.Events))
	if err != nil {
		t.Fatalf("%s, replayed: %v; first:\n%s", c.Title, err, lanes(r.Events))
	}
	if again.Verdict != r.Verdict {
		t.Fatalf("%s, replayed: %v, first: %v", c.Title, again.Verdict, r.Verdict)
	}
	return r.Schedules, r
}

// finding is what came of an exploration, with an empty witness where there is none.
type finding struct {
	explore.Result
	explore.Witness
}

func found(r explore.Result, err error) (finding, error) {
	f := finding{Result: r}
	if r.Witness != nil {
		f.Witness = *r.Witness
	}
	return f, err
}

// bounded explores one case.
func bounded(t *testing.T, tier Tier, c race.Case, b explore.Bounds) (finding, error) {
	t.Helper()
	return found(explore.Bounded(t.Context(), explore.Plan{Tier: tier, Cases: []race.Case{c}, Bounds: b, Workers: *workers}))
}

func lanes(events []race.Event) string {
	var b strings.Builder
	for _, e := range events {
		mark := " "
		if e.Preempted {
			mark = "!"
		}
		fmt.Fprintf(&b, "%s %-32s %-60s file %q, lock %q\n", mark, e.Step, e.Detail, e.File, e.Lock)
	}
	return b.String()
}

func TestCorrectDaemonsAreClean(t *testing.T) {
	binary := buildDaemon(t)
	bounds, rounds := explore.Bounds{Preemptions: 1}, 1
	if *exam {
		bounds, rounds = explore.Bounds{Preemptions: 2, Crashes: 1}, 2
	}
	programs := map[string]program.Program{
		"go":       {Command: []string{binary, "correct", "{pidfile}"}, Tamper: true},
		"standby":  {Command: []string{binary, "standby", "{pidfile}"}},
		"go-probe": {Command: []string{binary, "correct", "{pidfile}"}, Probe: words(binary, "correct", "{pidfile}", "probe")},
		"python":   {Command: []string{findPython(t), filepath.Join(daemons, "python", "correct.py"), "{pidfile}"}},
		"sh":       {Command: []string{"sh", filepath.Join(daemons, "sh", "correct.sh"), "{pidfile}"}},
	}
	for name, p := range programs {
		if !*exam && name != "go" && name != "sh" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			schedules, found := search(t, p, 2, bounds, rounds)
			if found.Verdict.Broken() || !found.Complete {
				t.Fatalf("%v\n%s", found.Verdict, lanes(found.Events))
			}
			t.Logf("%d schedules, complete: %v", schedules, found.Complete)
		})
	}
}

func buildDaemon(t *testing.T) string {
	t.Helper()
	return buildProgram(t, "go")
}

// buildProgram builds what is in Go in one of the corpus's directories.
func buildProgram(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "daemon")
	cmd := exec.Command("go", "build", "-o", binary, filepath.Join(daemons, name))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// findPython returns the interpreter itself: a version manager's stand-in is
// a shell script that takes ten times as long to start.
func findPython(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Skipf("needs python3: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func needFlock(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("needs flock(1)")
	}
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("needs /proc")
	}
}
