package main

// Points racefuzz at programs that are sick: testdata/sick has one that begins
// processes without end, one that fills the disk, and so on. Whatever they do, the
// time is kept to, what becomes of them is said, and nothing is left.

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var sick = flag.Bool("exam", false, "point racefuzz at all sick programs, and keep it to its time")

// target is a sick program and what racefuzz says of it.
type target struct {
	name    string // of its script
	says    string // a regular expression
	code    int
	often   bool // it is tried in every run of the tests
	as      func(t *testing.T, place string, cmd *exec.Cmd)
	args    func(t *testing.T, place string) []string
	outcome func(t *testing.T, place string)
}

const timeEnded = "nothing tried: the time ended, before it was known what the program does alone"

var targets = []target{
	{name: "busy", says: timeEnded},
	{name: "chunks", says: timeEnded},
	{name: "closed", says: "I7: ", code: exitRace, as: asNobody, often: true},
	{name: "deaf", says: timeEnded + "|does not stop", code: -1},
	{name: "deep", says: timeEnded + "|no race"},
	{name: "endless_exec", says: timeEnded},
	{name: "files", says: timeEnded + "|no race"},
	{name: "fill", says: "fills its directory with more than 1 GiB, and was ended", code: exitUsage},
	{name: "fork", says: timeEnded + "|begins more than 1000 processes and threads, and was ended", code: -1, often: true},
	{name: "input", says: "it touches nothing in the directory that it is given", code: exitUsage, often: true},
	{name: "killall", says: "I11: a sends a signal to every process there is", code: exitRace, as: apart},
	{name: "output", says: timeEnded},
	{name: "outside", says: "note: it changes what is outside of its directory, which is not undone: .*/elsewhere\n", code: exitRace, args: elsewhere},
	{name: "replaced", says: "I1: ", code: exitRace, args: keptDir, outcome: isKept},
	{name: "rights", says: "not complete: a runs other without the rights that its file gives", as: asNobody, args: others},
	{name: "sessions", says: timeEnded + "|no race"},
	{name: "stopped", says: "no race; complete"},
	{name: "terminal", says: "I2: ", code: exitRace, as: atTerminal, often: true},
	{name: "threads", says: timeEnded},
	{name: "untraced", says: "I2: ", code: exitRace, often: true},
}

func TestSickProgramsHarmNobody(t *testing.T) {
	scripts, _ := filepath.Glob("../testdata/sick/*")
	if len(scripts) != len(targets) {
		t.Errorf("%d programs in testdata/sick, but %d rows", len(scripts), len(targets))
	}
	table := ""
	for _, s := range targets {
		if !s.often && !*sick {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			took, limit := s.try(t)
			table += fmt.Sprintf("\n%-13s %5.1f s of %v", s.name, took.Seconds(), limit)
			if strings.HasPrefix(s.says, timeEnded) {
				table += fmt.Sprintf(", %.1f s after SIGTERM", s.stop(t).Seconds())
			}
		})
	}
	t.Logf("%d sick programs, and the time each took:%s", strings.Count(table, "\n"), table)
}

// late is how much more time than there is racefuzz may take.
func late() time.Duration {
	if *sick {
		return 2 * time.Second
	}
	return time.Minute // beside other tests
}

// try points racefuzz at a program, and returns how long it took of how much.
func (s target) try(t *testing.T) (took, limit time.Duration) {
	limit = 4 * time.Second
	if *sick {
		limit = 6 * time.Second
	}
	if s.code == exitRace { // with which it ends, however slow the machine is
		limit = time.Minute
	}
	place := publicDir(t)
	var said bytes.Buffer
	cmd := s.command(t, place, limit, &said)
	start := time.Now()
	err := cmd.Run()
	took = time.Since(start)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(said.String(), "not permitted here") {
		t.Skip(said.String())
	}
	if code := cmd.ProcessState.ExitCode(); s.code >= 0 && code != s.code {
		t.Errorf("exit code %d, want %d", code, s.code)
	}
	if !regexp.MustCompile(s.says).MatchString(said.String()) {
		t.Errorf("no %q in\n%s", s.says, &said)
	}
	if took > limit+late() {
		t.Errorf("it took %v of %v", took, limit)
	}
	if s.outcome != nil {
		s.outcome(t, place)
	}
	s.leavesNothing(t, place)
	return took, limit
}

// stop points racefuzz at a program, tells it to end before it has, and returns
// how long that took.
func (s target) stop(t *testing.T) time.Duration {
	place := publicDir(t)
	var said bytes.Buffer
	cmd := s.command(t, place, time.Minute, &said)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // in the middle of whatever it does by then
	start := time.Now()
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	took := time.Since(start)
	if took > late() {
		t.Errorf("it took %v after SIGTERM", took)
	}
	s.leavesNothing(t, place)
	return took
}

func (s target) leavesNothing(t *testing.T, place string) {
	t.Helper()
	if left := leftIn(t, place); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// command is racefuzz pointed at the program, for as long as the limit says.
func (s target) command(t *testing.T, place string, limit time.Duration, said *bytes.Buffer) *exec.Cmd {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("..", "testdata", "sick", s.name+".sh"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"sh", filepath.Join(place, s.name+".sh")}
	if content, err := os.ReadFile(script); err == nil {
		err = os.WriteFile(words[1], content, 0o644)
		if err != nil {
			t.Fatal(err)
		}
	} else {
		words = []string{filepath.Join(place, s.name)}
		if out, err := exec.Command("go", "build", "-o", words[0], "../testdata/sick/"+s.name).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	words = append(words, "{pidfile}")
	if s.args != nil {
		words = append(words, s.args(t, place)...)
	}
	args := []string{"daemon", "-time", limit.String(), "-save", filepath.Join(place, "saved"), "-rounds", "1", "-preempt", "1", "-crash", "0", "--"}
	cmd := exec.Command(filepath.Join(place, "racefuzz"), append(args, words...)...)
	cmd.Dir = place
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(place, "tmp"))
	cmd.Stdout, cmd.Stderr = said, said
	if s.as != nil {
		s.as(t, place, cmd)
	}
	return cmd
}

// leftIn lists what is left of racefuzz's files in a place, and of processes that
// run there.
func leftIn(t *testing.T, place string) (left []string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(place, "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		left = append(left, f.Name())
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range dirs {
		if dir, err := os.Readlink(link); err == nil && strings.HasPrefix(dir, place) {
			left = append(left, filepath.Dir(link)+" in "+dir)
		}
	}
	return left
}

// publicDir returns a directory that every user can use, with racefuzz in it and
// a directory "tmp".
func publicDir(t *testing.T) string {
	t.Helper()
	place, err := os.MkdirTemp("/tmp", "sick-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(place) })
	program, err := exec.LookPath("racefuzz")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(program)
	err = errors.Join(err,
		os.Mkdir(filepath.Join(place, "tmp"), 0o755),
		os.Chmod(place, 0o777),
		os.Chmod(filepath.Join(place, "tmp"), 0o777),
		os.WriteFile(filepath.Join(place, "racefuzz"), content, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// asNobody runs a command as a user who may not do everything: as ourselves, or
// for root as somebody else.
func asNobody(t *testing.T, place string, cmd *exec.Cmd) {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
	}
}

// apart runs a command where it can signal no other process of the machine,
// whatever it does.
func apart(t *testing.T, place string, cmd *exec.Cmd) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip(err)
	}
	words := []string{unshare, "--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Geteuid() != 0 {
		words = append(words, "--user", "--map-root-user")
	}
	if err := exec.Command(unshare, append(words[1:len(words):len(words)], "true")...).Run(); err != nil {
		t.Skipf("no namespace of processes can be had here: %v", err)
	}
	cmd.Path, cmd.Args = unshare, append(words, cmd.Args...)
}

// atTerminal runs a command at a terminal of its own, and in the end nobody must
// have changed or used that.
func atTerminal(t *testing.T, place string, cmd *exec.Cmd) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	t.Cleanup(func() {
		defer terminal.Close()
		after, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil || *after != *before {
			t.Errorf("the terminal works otherwise than before: %v", err)
		}
		written := make([]byte, 100)
		if n, _ := unix.Read(int(master.Fd()), written); n > 0 {
			t.Errorf("on the terminal stands %q", written[:n])
		}
	})
}

// elsewhere is a file that is not the case's.
func elsewhere(t *testing.T, place string) []string {
	return []string{filepath.Join(place, "elsewhere")}
}

// keptDir is a directory with a file in it.
func keptDir(t *testing.T, place string) []string {
	dir := filepath.Join(place, "kept")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "memories"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{dir}
}

func isKept(t *testing.T, place string) {
	if _, err := os.Stat(filepath.Join(place, "kept", "memories")); err != nil {
		t.Error("racefuzz removed through a link what is not the case's:", err)
	}
}

// others is a program that runs with the rights of the user it belongs to.
func others(t *testing.T, place string) []string {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a program that has another user's rights")
	}
	path, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	own := filepath.Join(place, "other")
	if err := errors.Join(err, os.WriteFile(own, content, 0o755), os.Chmod(own, 0o755|os.ModeSetuid)); err != nil {
		t.Fatal(err)
	}
	return []string{own}
}
