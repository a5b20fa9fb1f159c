package main

// Proves that commands which are started together, with random timing, are found
// to lose what each other wrote, on every system; that what was found breaks
// again; and that a correct twin is clean and a refusal is counted.

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/gofrs/flock"

	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// note is a program that adds its name to a list: it reads the list, has a long
// look at a file of its own, and puts a longer list in the place of the first.
// Most of its time is between the reading and the writing. "note locked NAME" has
// a lock meanwhile, and "note refused NAME" ends at once if another one has it.
func note() {
	how, name := os.Args[1], os.Args[2]
	lock := flock.New("lock")
	switch how {
	case "locked":
		must(lock.Lock())
	case "refused":
		if locked, err := lock.TryLock(); err != nil || !locked {
			os.Exit(7)
		}
	}
	list, err := os.ReadFile("list")
	if !errors.Is(err, os.ErrNotExist) {
		must(err)
	}
	own, err := os.Executable()
	must(err)
	looks := 3
	if runtime.GOOS == "windows" { // where it takes long to start a program
		looks = 10
	}
	for range looks {
		f, err := os.Open(own)
		must(err)
		_, err = io.Copy(sha256.New(), f)
		must(errors.Join(err, f.Close()))
	}
	must(os.WriteFile("new."+name, append(list, name+"\n"...), 0o600))
	must(os.Rename("new."+name, "list"))
	must(lock.Close())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// together runs commands with random timing, and returns the last line and what
// was saved.
func together(t *testing.T, want int, tries string, lines ...string) (last map[string]any, saved string) {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"commands", "-random", "-json", "-seed", "1", "-n", tries, "-save", dir}, lines...)
	objects := decoded(t, want, args...)
	files, _ := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if len(files) == 1 {
		saved = files[0]
	}
	return objects[len(objects)-1], saved
}

func TestCommandsWithRandomTimingLoseWhatOthersWrote(t *testing.T) {
	temp := t.TempDir()
	t.Setenv(tempVariable(), temp)
	last, saved := together(t, exitRace, "50", "note careless a", "note careless b")
	lost := regexp.MustCompile(`^serial: [ab]'s [ab] is gone: after a; b it is there, after b; a it is there$`)
	if verdict := last["verdict"].(string); !lost.MatchString(verdict) {
		t.Errorf("%s, want %s", verdict, lost)
	}
	if !strings.HasPrefix(filepath.Base(saved), "commands-note-careless-serial-") {
		t.Fatalf("saved as %q", saved)
	}
	again := decoded(t, exitRace, "replay", "-y", "-json", saved)
	drawn := again[1]["report"].(map[string]any)
	events := drawn["events"].([]any)
	first, final := events[0].(map[string]any), events[len(events)-1].(map[string]any)
	if len(events) != 4 || first["op"] != "start" || first["file"] != nil || final["op"] != "exit" || final["result"] != "0" {
		t.Errorf("the events are %v", events)
	}
	if file := final["file"]; file != "a\n" && file != "b\n" {
		t.Errorf("in the end the list is %q", file)
	}
	if what := remains(temp); what != "" {
		t.Error(what)
	}
}

func TestCorrectCommandsWithRandomTimingAreClean(t *testing.T) {
	t.Setenv(tempVariable(), t.TempDir())
	last, _ := together(t, exitClean, "10", "note locked a", "note locked b")
	if want := "no race in 10 tries with random timing"; last["verdict"] != want || last["tries"] != 10.0 || last["commands"] != 20.0 {
		t.Errorf("the end is %v, want %s", last, want)
	}
}

func TestRefusalsWithRandomTimingAreCounted(t *testing.T) {
	t.Setenv(tempVariable(), t.TempDir())
	last, _ := together(t, exitClean, "10", "note refused a", "note refused b")
	want := regexp.MustCompile(`^no race in 10 tries with random timing; refused: [0-9]+ \([ab], exit 7\)`)
	if !want.MatchString(last["verdict"].(string)) {
		t.Errorf("the end is %v, want %s", last, want)
	}
}

func TestWhereTracingIsForbiddenRandomTimingIsTheRemedy(t *testing.T) {
	var stderr bytes.Buffer
	_, err := explained(0, fmt.Errorf("%w: ptrace", trace.ErrForbidden))
	if code := fail(&stderr, err); code != exitNotReproducible || !strings.Contains(stderr.String(), "hint: run it with -random, ") {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}

func TestInterruptedCommandsLeaveNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("os.Process cannot send an interrupt here")
	}
	program, err := exec.LookPath("racefuzz")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	cmd := exec.Command(program, "commands", "-random", "-q", "-save", t.TempDir(), "sh -c 'echo >begun; sleep 1000'", "true")
	cmd.Env = append(os.Environ(), tempVariable()+"="+temp)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	for begun := []string(nil); len(begun) == 0; {
		begun, _ = filepath.Glob(filepath.Join(temp, "*", "place", "dir", "begun"))
	}
	cmd.Process.Signal(os.Interrupt)
	said, _ := io.ReadAll(stdout)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || !strings.Contains(string(said), "\ninterrupted, before ") {
		t.Errorf("exit %v, want %d; it says %s", err, exitInterrupted, said)
	}
	if what := remains(temp); what != "" {
		t.Error(what)
	}
}
