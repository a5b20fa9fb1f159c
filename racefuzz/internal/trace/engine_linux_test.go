package trace

// Proves that the tier follows programs wherever they go: through threads,
// children and double forks, into locks that block and calls that fail; that
// it always sees the same; and that it leaves nothing behind.

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// play runs a script of the actors a, b, … of sh programs with the given moves
// of whole actors: each goes on until it can only be stopped or is over.
func shProgram(t *testing.T, script string) program.Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "daemon.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return program.Program{Command: []string{"sh", path, "{pidfile}"}}
}

// casesOf learns a program and returns the cases to explore.
func casesOf(p program.Program, actors, rounds int) ([]race.Case, error) {
	p, err := Tier{}.Learn(context.Background(), p)
	return Cases(p, actors, rounds), err
}

// words are a command as a setting.
func words(command ...string) string { return strings.Join(command, "\x00") }

func firstCase(t *testing.T, p program.Program) race.Case {
	t.Helper()
	cases, err := casesOf(p, 2, 1)
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cases[0]
}

func TestDaemonsAreFollowedThroughADoubleFork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "daemon.py")
	script := `
import fcntl, os, signal, sys
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
try: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError: os._exit(1)
os.write(fd, b"%d\n" % os.getpid())
signal.pause()
`
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	c := firstCase(t, program.Program{Command: []string{findPython(t), path, "{pidfile}"}})
	for name, want := range map[string]string{"stop": `"term"`, "content": `"{pid}\n"`, "losers": `"exit"`, "leaves": `"server.pid"`} {
		quoted := c.Options[name]
		if unquoted := strings.ReplaceAll(quoted, `\\n`, `\n`); unquoted != want {
			t.Errorf("learned %s %s, want %s", name, quoted, want)
		}
	}
	w := follow(t, c, "a start")
	for _, e := range w.Events {
		if strings.HasSuffix(e.Detail, "a serves") && e.File == "{a.2}" && e.Lock == "a.2" {
			return
		}
	}
	t.Errorf("a.2, the grandchild, does not serve with its pid in the file\n%s", lanes(w.Events))
}

// follow makes the moves in words and then lets everybody go on by default.
func follow(t *testing.T, c race.Case, words ...string) explore.Witness {
	t.Helper()
	var s race.Schedule
	for _, word := range words {
		step, ok := race.ParseStep(word)
		if !ok {
			t.Fatalf("%q is no step", word)
		}
		s = append(s, step)
	}
	w, err := explore.Follow(Tier{}, c, s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWaitingForALockIsSeenAndEnds(t *testing.T) {
	needFlock(t)
	c := firstCase(t, shProgram(t, `
exec 9>>"$1"
flock 9
cat >/dev/null 9<&-
`))
	w := follow(t, c, "a start", "a openat", "a.1 flock", "a.1 exit_group", "b start", "b openat", "b.1 flock")
	var waits, got bool
	for _, e := range w.Events {
		waits = waits || e.Step == race.Step{Actor: "b.1", Op: "flock", Result: "waits"}
		got = got || waits && e.Lock == "b b.1"
	}
	if !waits || !got {
		t.Errorf("b waits: %v, and gets the lock later: %v\n%s", waits, got, lanes(w.Events))
	}
}

func TestCallsFailAsInjected(t *testing.T) {
	p := program.Program{Command: []string{buildDaemon(t), "correct", "{pidfile}"}, Inject: "flock:error=ENOLCK:when=1"}
	_, err := casesOf(p, 2, 1)
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err == nil || !strings.Contains(err.Error(), "no locks available") {
		t.Errorf("learned %v, want a daemon that does not start for want of locks", err)
	}
}

func TestUnreadableInjectionsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"flock":                    "which error",
		"flock:error=ENOSUCH":      `no error "ENOSUCH"`,
		"getpid:error=EIO":         "no system call that is traced",
		"flock:error=EIO:when=0":   "not a count",
		"flock:error=EIO:when=2+x": "not a count",
		"flock:error=EIO:delay=1":  `unknown word "delay"`,
	} {
		if _, err := parseInject(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestFaultsAreSurvivedOrFound(t *testing.T) {
	binary := buildDaemon(t)
	for name, want := range map[string]race.Invariant{
		"correct":                 "",
		"unsupported-is-acquired": race.ReadersFindTheHolder,
		"write-error-ignored":     race.ReadersFindTheHolder,
	} {
		c := firstCase(t, program.Program{Command: []string{binary, name, "{pidfile}"}, Faults: "ENOLCK ENOSPC"})
		r, err := bounded(t, Tier{}, c, explore.Bounds{Faults: 1})
		if err != nil || r.Diverged > 0 {
			t.Fatalf("%s: %v, %d diverged", name, err, r.Diverged)
		}
		if r.Verdict.Invariant != want {
			t.Errorf("%s: %v, want %q\n%s", name, r.Verdict, want, lanes(r.Events))
		}
	}
}

func TestTheSameScheduleGivesTheSameEvents(t *testing.T) {
	c := firstCase(t, program.Program{Command: []string{buildDaemon(t), "no-recheck", "{pidfile}"}})
	r, err := bounded(t, Tier{}, c, explore.Bounds{Preemptions: 1})
	if err != nil || !r.Verdict.Broken() {
		t.Fatalf("%v, %v", r.Verdict, err)
	}
	for range 20 {
		again, err := explore.Replay(Tier{}, c, race.ScheduleOf(r.Events))
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range again.Events {
			want := r.Events[i]
			e.Time = want.Time
			if !reflect.DeepEqual(e, want) {
				t.Fatalf("event %d was %+v, and now is %+v", i, want, e)
			}
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	binary := buildDaemon(t)
	c := firstCase(t, program.Program{Command: []string{binary, "child-inherits-lock", "{pidfile}"}, Losers: "exit"})
	if _, err := bounded(t, Tier{Dir: dir}, c, explore.Bounds{Crashes: 1}); err != nil {
		t.Fatal(err)
	}
	if names := entries(dir); len(names) > 0 {
		t.Errorf("remains: %v", names)
	}
	for _, pid := range entries("/proc") {
		if exe := readlink("/proc/" + pid + "/exe"); exe == binary {
			t.Errorf("process %s lives on", pid)
		}
	}
}

// forbidden makes the test binary play a machine on which ptrace is denied.
const forbidden = "TRACE_TEST_FORBIDDEN"

func TestMain(m *testing.M) {
	if os.Getenv(forbidden) != "" {
		denyPtrace()
	}
	os.Exit(m.Run())
}

func TestWhereTracingIsForbiddenThatIsSaid(t *testing.T) {
	if os.Getenv(forbidden) != "" {
		_, err := casesOf(program.Program{Command: []string{"true"}}, 2, 1)
		if !errors.Is(err, ErrForbidden) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("error %v, want one line that matches ErrForbidden", err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWhereTracingIsForbiddenThatIsSaid$")
	cmd.Env = append(os.Environ(), forbidden+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// denyPtrace has every later ptrace of this process fail.
func denyPtrace() {
	prog := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: dataNr},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PTRACE, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	installFilter(prog)
}

func installFilter(prog []unix.SockFilter) {
	const tsync = 1 // all threads
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, tsync, uintptr(unsafe.Pointer(&fprog))); errno != 0 {
		panic(errno)
	}
}

// Whoever begins a process while programs are traced learns how it ends, though
// the thread that it was begun on may become one that traces.
func TestProcessesOfOthersAreLeftToThem(t *testing.T) {
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip(err)
	}
	c := firstCase(t, shProgram(t, `echo $$ >$1; read line; rm $1`))
	done := make(chan struct{})
	var others sync.WaitGroup
	for range 8 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := exec.Command("sleep", "0.1").Run(); err != nil {
					t.Errorf("the end of another process is lost: %v", err)
					return
				}
			}
		})
	}
	for range 12 {
		var tracing sync.WaitGroup
		for range 8 {
			tracing.Go(func() {
				if _, err := explore.Follow(Tier{}, c, nil); err != nil {
					t.Error(err)
				}
			})
		}
		tracing.Wait()
	}
	close(done)
	others.Wait()
}

// What the kernel writes to must stay where it is while a goroutine's stack grows.
func TestWhatTheKernelSaysIsNotLostWhenTheStackGrows(t *testing.T) {
	lockThread()
	defer runtime.UnlockOSThread()
	k := newTracer(t.TempDir())
	defer k.end()
	a := &actor{name: "a"}
	p, err := k.start(a, true, []string{"/bin/sh", "-c", ": >file"}, nil, []uintptr{0, 1, 2})
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for len(p.tasks) > 0 && p.next() == nil {
		k.wait()
	}
	deeper := func(int) {}
	deeper = func(n int) {
		var room [40]byte
		var info stopInfo
		if err := syscallInfo(p.pid, &info); err != nil || info.Arch != auditArch {
			t.Errorf("%d deep: %v, architecture %x, want %x", n, err, info.Arch, auditArch)
		}
		if n < 4000 && !t.Failed() {
			deeper(n + 1)
		}
		room[n%len(room)]++
	}
	deeper(0)
}

// What a program writes without end would fill the disk.
func TestOfTheOutputOnlyTheBeginningIsKept(t *testing.T) {
	c := race.Case{Tier: Name, Target: "program", Actors: []race.Actor{{Name: "a", Script: []string{opStart}}},
		Command: []string{"sh", "-c", "echo first; head -c 80000000 /dev/zero; exec cat"}}
	r, err := start(c, Tier{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Do(race.Move{Actor: "a", Op: opStart}); errors.Is(err, ErrForbidden) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(r.outputOf(r.actors[0]))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != mostOutput {
		t.Errorf("%d bytes of output are kept, want %d", info.Size(), mostOutput)
	}
	if said := slurp(r.outputOf(r.actors[0])); !strings.HasPrefix(string(said), "first\n") {
		t.Errorf("it begins with %.20q", said)
	}
}

// What never comes to rest would keep a run for a minute.
func TestAllEndsAtOnceWhateverAProgramDoes(t *testing.T) {
	for name, script := range map[string]string{
		"it replaces itself without end":           `exec sh $0 $1`,
		"it computes without end":                  `echo $$ >$1; while :; do :; done`,
		"it writes without end":                    `yes`,
		"it has children in sessions of their own": `for i in 1 2 3 4 5 6 7 8; do setsid sleep 1000 & done; while :; do :; done`,
	} {
		limited, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := (Tier{}).Learn(limited, shProgram(t, script)); !errors.Is(err, ErrOver) && !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v, want %v", name, err, ErrOver)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
}
