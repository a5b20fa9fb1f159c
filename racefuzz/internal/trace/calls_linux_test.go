package trace

// Proves that every call on the directory is a step, whatever its name and
// whatever names lead to its file, that a state has all that a program can have
// seen, and that what cannot be followed is named.

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// pythonServer is one that makes the files x and m and does something
// which comes to a verdict of its own: bad.
func pythonServer(t *testing.T, does string) []string {
	return []string{findPython(t), "-S", "-E", "-c", `
import fcntl, os, sys
f, bad = sys.argv[1], False
def made(name): return os.open(name, os.O_CREAT | os.O_RDWR, 0o666)
def size(name): return os.stat(name).st_size
m = made("m")
` + does + `
fd = os.open(f, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
os.write(fd, b"bad" if bad else str(os.getpid()).encode())
os.close(fd)
made("x")
sys.stdin.read()
os.unlink(f)
`, "{pidfile}"}
}

// piped reads what a call has passed on of x, which holds "1".
const piped = `
x = made("x")
r, w = os.pipe()
os.pwrite(x, b"1", 0)
`

var callRows = []struct {
	name        string
	does        string
	beside      string
	preemptions int
}{
	{"fstat tells that its file has lost its name", `x = made("x"); bad = os.fstat(x).st_nlink == 0`, `rm -f x`, 1},
	{"a link is read", `
if os.path.lexists("x"): os.unlink("x")
os.symlink("one", "x")
bad = os.readlink("x") != "one"`, `rm -f x; ln -s two x`, 1},
	{"preadv reads", `x = made("x"); os.pwrite(x, b"1", 0); b = bytearray(1); os.preadv(x, [b], 0); bad = b != b"1"`, `echo 2 >x`, 1},
	{"readv reads", `x = made("x"); os.pwrite(x, b"1", 0); b = bytearray(1); os.readv(x, [b]); bad = b != b"1"`, `echo 2 >x`, 1},
	{"sendfile reads", piped + `os.sendfile(w, x, 0, 1); os.close(w); bad = os.read(r, 1) != b"1"`, `echo 2 >x`, 1},
	{"splice reads", piped + `os.splice(x, w, 1, offset_src=0); os.close(w); bad = os.read(r, 1) != b"1"`, `echo 2 >x`, 1},
	{"a mode is wrong for a moment", `x = made("x"); os.fchmod(x, 0o600); bad = size("m") > 0`, `[ "$(stat -c %a x)" = 644 ] && echo >m`, 1},
	{"dup2 gives a lock back", `
l = made("x"); fcntl.flock(l, fcntl.LOCK_EX); os.dup2(os.open("/dev/null", 0), l)
bad = size("m") > 0`, `flock -n x true || echo >m`, 1},
	{"a process lives until its end", `
p = os.read(m, 9)
if p:
    try: os.kill(int(p), 0); bad = True
    except OSError: pass`, `echo $$ >m`, 1},
	{"a process is looked for in /proc", `
p = os.read(m, 9)
if p:
    try: os.kill(int(p), 0); bad = not os.path.exists("/proc/%d" % int(p))
    except OSError: pass`, `echo $$ >m; [ -e x ]`, 2},
	{"a name through /proc/self/cwd", `made("x"); bad = size("/proc/self/cwd/x") > 0`, `[ -e x ] && echo 1 >x`, 1},
	{"a name through a link from outside", `os.symlink(os.getcwd(), "../way"); made("x"); bad = size("../way/x") > 0`, `[ -e x ] && echo 1 >x`, 1},
	{"who saw another size is in another state", `made("x"); s = size("x"); bad = s == 0 and size("x") == 5`, `printf hello >x`, 1},
	{"who saw a name in a list is in another state", `s = os.listdir("."); bad = "x" not in s and "x" in os.listdir(".")`, `: >x`, 1},
	{"what lies far behind in a file is in the state", `
x = made("x"); os.pwrite(x, b"A", 5000)
bad = size("m") > 0 and os.pread(x, 1, 5000) == b"A"`, `printf B | dd of=x bs=1 seek=5000 conv=notrunc 2>/dev/null; echo >m`, 2},
	{"what lies below many names is in the state", `
x = made("sub/x"); os.pwrite(x, b"A", 0)
bad = size("m") > 0 and os.pread(x, 1, 0) == b"A"`, `printf B >sub/x; echo >m`, 2},
}

func TestEveryCallIsAStepAndTheStateIsAllOfIt(t *testing.T) {
	needFlock(t)
	var sub []race.File
	for _, name := range append([]string{""}, strings.Split(strings.Repeat("/n", 40), "/")[1:]...) {
		sub = append(sub, race.File{Name: "sub", Kind: race.Dir})
		if name != "" {
			sub[len(sub)-1].Name += "/" + name + string(rune('0'+len(sub)))
		}
	}
	for i, tt := range callRows {
		if !*exam && i%6 > 0 {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			p := program.Program{Command: pythonServer(t, tt.does), Beside: words("sh", "-c", tt.beside), Losers: "exit", MayEmpty: "yes"}
			if strings.Contains(tt.does, "sub/") {
				p.Files = sub
			}
			cases, err := casesOf(p, 1, 1)
			if errors.Is(err, ErrForbidden) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := bounded(t, Tier{}, cases[0], explore.Bounds{Preemptions: tt.preemptions})
			if err != nil || !r.Verdict.Broken() || !strings.Contains(r.Verdict.Reason, "bad") {
				t.Fatalf("%v after %d schedules, %v\n%s", r.Verdict, r.Schedules, err, lanes(r.Events))
			}
			t.Logf("%d schedules: %v", r.Schedules, r.Verdict)
		})
	}
}

func TestWhatCannotBeFollowedIsNamed(t *testing.T) {
	const libc = "import ctypes; libc = ctypes.CDLL(None); "
	for _, tt := range []struct{ does, want string }{
		{`import mmap; x = made("x"); os.truncate(x, 9); mmap.mmap(x, 9)`, "maps x"},
		{`import mmap; x = made("x"); os.truncate(x, 9); mmap.mmap(x, 9)[0] = 7`, "is not seen whole: an unseen call changed x between two steps"},
		{`import socket; socket.socket(socket.AF_UNIX).bind("x.sock"); os.unlink("x.sock")`, "has a socket at x.sock"},
		{`import socket; socket.socket(socket.AF_UNIX).bind("\0racefuzz")`, "has a socket at @racefuzz"},
		{libc + `libc.syscall(1000)`, "makes system call 1000, which is in no table"},
		{libc + `libc.shmget(0, 4096, 0o1600)`, "uses System V shared memory"},
		{libc + `libc.semget(0, 1, 0o1600)`, "uses System V semaphores"},
		{libc + `libc.inotify_add_watch(libc.inotify_init(), b".", 2)`, "watches ."},
		{`
try: os.stat("/dev/shm/racefuzz")
except OSError: pass`, "shares memory as racefuzz"},
	} {
		if got := noticed(t, program.Program{Command: pythonServer(t, tt.does), Losers: "exit", MayEmpty: "yes"}); !slices.Contains(got, tt.want) {
			t.Errorf("%s: named are %q, want %q", tt.does, got, tt.want)
		}
	}
}

// noticed are what a program that runs alone is said to do that nobody can follow.
func noticed(t *testing.T, p program.Program) (all []string) {
	t.Helper()
	var mu sync.Mutex
	tier := Tier{Noticed: func(_, what string) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, what)
	}}
	if _, err := tier.Learn(t.Context(), p); errors.Is(err, ErrForbidden) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCodeOfAnotherArchitectureIsNamed(t *testing.T) {
	cc, err := exec.LookPath("gcc")
	if err != nil || auditArch != 0xC000003E {
		t.Skip("needs gcc on amd64")
	}
	source, binary := filepath.Join(t.TempDir(), "old.c"), filepath.Join(t.TempDir(), "old")
	text := `#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
	int r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
	close(open(argv[1], O_CREAT | O_WRONLY, 0644));
	return r <= 0 || read(0, &r, 1);
}`
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := exec.Command(binary, filepath.Join(t.TempDir(), "pid")).Run(); err != nil && err.(*exec.ExitError).ExitCode() < 0 {
		t.Skip("this system runs no 32-bit code")
	}
	got := noticed(t, program.Program{Command: []string{binary, "{pidfile}"}, Losers: "exit"})
	if !slices.Contains(got, "runs code of another architecture") {
		t.Errorf("named are %q", got)
	}
}

func TestAProgramThatAllCanFollowIsNotNamed(t *testing.T) {
	for name, command := range map[string][]string{
		"go":     {buildDaemon(t), "correct", "{pidfile}"},
		"python": {findPython(t), filepath.Join(daemons, "python", "correct.py"), "{pidfile}"},
		"sh":     {"sh", filepath.Join(daemons, "sh", "correct.sh"), "{pidfile}"},
	} {
		if got := noticed(t, program.Program{Command: command}); len(got) > 0 {
			t.Errorf("%s: named are %q", name, got)
		}
	}
}

// beating is a server that writes its pid file anew from time to time, for which
// it takes a lock that it gives back.
const beating = `
import fcntl, os, select, sys
f = sys.argv[1]
own = os.open("own", os.O_CREAT | os.O_RDWR)
l = os.open("l", os.O_CREAT | os.O_RDWR)
def write():
    fd = os.open(f, os.O_CREAT | os.O_WRONLY)
    os.write(fd, str(os.getpid()).encode())
    os.close(fd)
try: fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError: sys.exit(1)
write()
while not select.select([0], [], [], 0.2)[0]:
    fcntl.flock(l, fcntl.LOCK_EX)
    %s
    fcntl.flock(l, fcntl.LOCK_UN)
os.unlink(f)
`

func TestAServerMayTakeLocksWhileItServes(t *testing.T) {
	p := program.Program{Command: []string{findPython(t), "-S", "-E", "-c", strings.ReplaceAll(beating, "%s", "write()"), "{pidfile}"}, MayEmpty: "yes"}
	c := firstCase(t, p)
	if c.Options["losers"] != `"exit"` || c.Options["beats"] != `"yes"` {
		t.Errorf("learned are %v", c.Options)
	}
	r, err := bounded(t, Tier{}, c, explore.Bounds{})
	if err != nil || r.Verdict.Broken() || !r.Complete {
		t.Errorf("%v, complete: %v, %s, %v\n%s", r.Verdict, r.Complete, r.Divergence, err, lanes(r.Events))
	}
}

func TestWhatAServerDoesWhileItServesIsInterleaved(t *testing.T) {
	beat := `if os.path.exists("m"): os.unlink(f)`
	p := program.Program{
		Command: []string{findPython(t), "-S", "-E", "-c", strings.ReplaceAll(beating, "%s", beat), "{pidfile}"},
		Beside:  words("sh", "-c", `: >m; rm m`), Losers: "exit", MayEmpty: "yes",
	}
	cases, err := casesOf(p, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := bounded(t, Tier{}, cases[0], explore.Bounds{Preemptions: 1})
	if err != nil || r.Verdict.Invariant != race.ReadersFindTheHolder {
		t.Errorf("%v after %d schedules, %v\n%s", r.Verdict, r.Schedules, err, lanes(r.Events))
	}
}
