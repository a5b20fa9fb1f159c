package trace

// Proves that who waits is told from who serves, that who waits for ever is a
// finding, and that it is said where that cannot be told.

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// shCommand runs a script with the pid file as $1 and the number of the actor as $2.
func shCommand(script string) program.Program {
	return program.Program{Command: []string{"sh", "-c", script, "sh", "{pidfile}", "{n}"}, NoStale: true, MayEmpty: "yes"}
}

// explored explores two actors in one round, and returns what was noticed.
func explored(t *testing.T, p program.Program, b explore.Bounds) (finding, []string) {
	t.Helper()
	var mu sync.Mutex
	var noticed []string
	tier := Tier{Noticed: func(_, what string) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(noticed, what) {
			noticed = append(noticed, what)
		}
	}}
	r, err := bounded(t, tier, firstCase(t, p), b)
	if err != nil {
		t.Fatal(err)
	}
	return r, noticed
}

// Root is kept out of nothing: a program that counts on mode bits is right only where
// it runs as somebody else.
func TestModeBitsKeepOutWhoIsNotRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run a program as somebody else")
	}
	t.Setenv("TMPDIR", "/tmp") // where everybody may go
	const script = `umask 0333; echo $$ >$1 || exit 1; trap 'rm -f $1; exit 0' TERM; while :; do sleep 1000 & wait $!; done`
	p := shCommand(script)
	p.Stop = "term"
	const might = "opens server.pid, of mode 0444, as root (see -user)"
	if r, noticed := explored(t, p, explore.Bounds{}); !r.Verdict.Broken() || !slices.Contains(noticed, might) {
		t.Errorf("as root: %v, and noticed is %q, want %q", r.Verdict, noticed, might)
	}
	p.User = "nobody"
	if r, noticed := explored(t, p, explore.Bounds{Preemptions: 1}); r.Verdict.Broken() || !r.Complete || len(noticed) > 0 {
		t.Errorf("as nobody: %v, complete: %v, noticed is %q", r.Verdict, r.Complete, noticed)
	}
	private := t.TempDir()
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", private)
	if _, err := (Tier{}).Learn(t.Context(), p); err == nil || !strings.Contains(err.Error(), "let TMPDIR name") {
		t.Errorf("in a place where nobody may go: %v", err)
	}
}

func TestWhoWaitsIsNoServer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script string
		bounds explore.Bounds
		want   race.Invariant
		notice string
	}{
		{"two locks in two orders", `first=$1.x second=$1.y; [ $2 = 0 ] || { first=$1.y second=$1.x; }
			exec 8>>$first; flock 8; exec 9>>$second; flock 9; read line`, explore.Bounds{Preemptions: 1}, race.LoneStartsSucceed, ""},
		{"two locks in one order", `exec 8>>$1.x; flock 8; exec 9>>$1.y; flock 9; read line`, explore.Bounds{Preemptions: 1}, "", ""},
		{"a lock directory that a crash leaves", `until mkdir $1.d 2>/dev/null; do sleep 0.05; done; echo $$ >$1; read line; rm $1; rmdir $1.d`,
			explore.Bounds{Crashes: 1}, race.CrashesAreTakenOver, "sleeps between its tries"},
		{"tries twenty times a second", `until mkdir $1.d 2>/dev/null; do sleep 0.05; done; echo $$ >$1; read line; rm $1; rmdir $1.d`,
			explore.Bounds{}, "", "sleeps between its tries"},
		{"tries five times a second", `until mkdir $1.d 2>/dev/null; do sleep 0.2; done; echo $$ >$1; read line; rm $1; rmdir $1.d`,
			explore.Bounds{}, "", "sleeps between its tries"},
		{"looks until nobody is there", `while [ -e $1.d ]; do sleep 0.05; done; mkdir $1.d || exit 1; echo $$ >$1; read line; rm $1; rmdir $1.d`,
			explore.Bounds{}, "", "sleeps between its tries"},
		{"a start and a stop that wait for each other", `exec 7>>$1.l 8>>$1.x 9>>$1.y; flock 8; flock 9; flock -n 7 || exit 1; flock -u 8; flock -u 9; read line; flock 9; flock 8`,
			explore.Bounds{Preemptions: 1}, race.ServersAnswerAndStop, ""},
		{"a lock beside the directory", `exec 9>>${1%/*}/../lock; flock -n 9 || exit 1; echo $$ >$1; read line; rm $1`, explore.Bounds{}, "", "shares {dir}/../lock"},
		{"the pid of one that has ended", `exec 3<&0 9>>$1.lock; flock -n 9 || exit 1; echo $$ >$1; (read line <&3; rm $1) &`,
			explore.Bounds{}, race.ReadersFindTheHolder, ""},
		{"who goes on though who began it has crashed", `exec 3<&0 9>>$1.lock; flock -n 9 || exit 1; sh -c 'read line <&3' &`,
			explore.Bounds{Crashes: 1}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, noticed := explored(t, shCommand(tt.script), tt.bounds)
			if r.Verdict.Invariant != tt.want || tt.want == "" && !r.Complete {
				t.Errorf("%v, complete: %v, want %q", r.Verdict, r.Complete, tt.want)
				t.Log(lanes(r.Events))
			}
			if tt.notice != "" && !slices.Contains(noticed, tt.notice) || tt.notice == "" && len(noticed) > 0 {
				t.Errorf("noticed %q, want %q", noticed, tt.notice)
			}
		})
	}
}

// Each try of one lets the other try again: that has no end.
func TestTwoThatTryInTwoOrdersDoSoForEver(t *testing.T) {
	p := program.Program{NoStale: true, Command: []string{findPython(t), "-S", "-c", `
import os, sys
f, n = sys.argv[1:]
def take(name):
    while True:
        try: return os.mkdir(name)
        except FileExistsError: pass
first, second = (f + ".x", f + ".y") if n == "0" else (f + ".y", f + ".x")
take(first)
take(second)
sys.stdin.read()
os.rmdir(second)
os.rmdir(first)
`, "{pidfile}", "{n}"}}
	if r, _ := explored(t, p, explore.Bounds{Preemptions: 1}); r.Verdict.Invariant != race.LoneStartsSucceed {
		t.Errorf("%v, complete: %v, want %s", r.Verdict, r.Complete, race.LoneStartsSucceed)
	}
}

func TestWhoLooksFromTimeToTimeIsNoServer(t *testing.T) {
	p := program.Program{NoStale: true, Command: []string{findPython(t), "-S", "-c", `
import os, sys, time
f = sys.argv[1]
while os.path.exists(f + ".d"): time.sleep(0.2)
try: os.mkdir(f + ".d")
except FileExistsError: sys.exit(1)
with open(f + ".new", "w") as new: new.write(str(os.getpid()))
os.rename(f + ".new", f)
sys.stdin.read()
os.unlink(f)
os.rmdir(f + ".d")
`, "{pidfile}"}}
	r, noticed := explored(t, p, explore.Bounds{})
	if r.Verdict.Broken() || !r.Complete || !slices.Equal(noticed, []string{"sleeps between its tries"}) {
		t.Errorf("%v, complete: %v, noticed %q\n%s", r.Verdict, r.Complete, noticed, lanes(r.Events))
	}
}

func TestWhoIsRefusedAndSleepsMustSayWhenItServes(t *testing.T) {
	p := shCommand(`mkdir $1.d 2>/dev/null || sleep 1000; echo $$ >$1; read line; rm $1; rmdir $1.d`)
	var unclear *race.UnclearError
	if _, err := casesOf(p, 2, 1); !errors.As(err, &unclear) || unclear.Actor != "b" {
		t.Errorf("%v, want to be told that it cannot be told", err)
	}
	p.Losers = "serve"
	if _, err := casesOf(p, 2, 1); err != nil {
		t.Errorf("though it is said that who is refused serves: %v", err)
	}
}

// inTheLastCase explores all cases of a program, of which only the last may break an
// invariant, and must break that one if there is one.
func inTheLastCase(t *testing.T, p program.Program, actors int, b explore.Bounds, want race.Invariant) {
	t.Helper()
	cases, err := casesOf(p, actors, 1)
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		broken := race.Invariant("")
		if i == len(cases)-1 {
			broken = want
		}
		r, err := bounded(t, Tier{}, c, b)
		if err != nil || r.Verdict.Invariant != broken || broken == "" && !r.Complete {
			t.Errorf("%q, %s: %v, complete: %v, %v, want %q", p.Command, c.Title, r.Verdict, r.Complete, err, broken)
		}
	}
}

// Who goes by whether the recorded process lives is misled once somebody else has
// its pid.
func TestAPIDMayBeAnothersByNow(t *testing.T) {
	for script, want := range map[string]race.Invariant{
		`if [ -s $1 ] && kill -0 $(cat $1) 2>/dev/null; then exit 1; fi; exec 9>>$1.lock; flock -n 9 || exit 1; echo $$ >$1; read line`: race.CrashesAreTakenOver,
		`exec 9>>$1.lock; flock -n 9 || exit 1; echo $$ >$1; read line`:                                                                 "",
	} {
		p := shProgram(t, script)
		p.MayEmpty = "yes"
		inTheLastCase(t, p, 1, explore.Bounds{}, want)
	}
}

// A command that starts a server and returns says that all is done.
func TestACommandReturnsOnceItsServerIsRecorded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script string
		pass   string
		want   race.Invariant
	}{
		{"recorded before it returns", `exec 9>>$1.l 3<&0; flock -n 9 || exit 1; [ -p $1.f ] || mkfifo $1.f; sh -c 'echo $$ >$0; echo >$0.f; read never' $1 <&3 & read done <$1.f`, "", ""},
		{"recorded by whom it leaves behind", `exec 9>>$1.l 3<&0; flock -n 9 || exit 1; sh -c 'echo $$ >$0; read never' $1 <&3 &`,
			"", race.ReadersFindTheHolder},
		{"the same, by design", `exec 9>>$1.l 3<&0; flock -n 9 || exit 1; sh -c 'echo $$ >$0; read never' $1 <&3 &`, "I2: the command that started b has ended, and the pid file holds nothing", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := shCommand(tt.script)
			p.Ready, p.Pass, p.Stop, p.Losers, p.Content = "exit", tt.pass, "term", "exit", "{pid}\n"
			inTheLastCase(t, p, 1, explore.Bounds{}, tt.want)
		})
	}
}

func TestAProgramThatIsNeverReadyIsToldSo(t *testing.T) {
	p := shCommand(`echo $$ >$1; read line`)
	p.Ready = "exit"
	var unready *race.UnreadyError
	if _, err := (Tier{}).Learn(t.Context(), p); !errors.As(err, &unready) && !errors.Is(err, ErrForbidden) {
		t.Errorf("%v, want that it is not ready", err)
	}
}

// A stop in the middle of a start is an orderly one: what it leaves is judged.
func TestAStopMayComeInTheMiddleOfAStart(t *testing.T) {
	for script, want := range map[string]race.Invariant{
		`exec 9>>$1.l; flock -n 9 || exit 1; echo $$ >$1; trap "rm $1; exit 0" TERM; read line`:                        race.NothingRemains,
		`trap "exit 0" TERM; exec 9>>$1.l; flock -n 9 || exit 1; trap "rm -f $1; exit 0" TERM; echo $$ >$1; read line`: "",
	} {
		p := shProgram(t, script)
		p.MayEmpty, p.Stop, p.NoStale, p.EarlyStop = "yes", "term", true, true
		inTheLastCase(t, p, 2, explore.Bounds{Preemptions: 1}, want)
	}
}
