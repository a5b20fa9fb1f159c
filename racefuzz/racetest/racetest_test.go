package racetest

// Proves that a test of one line fails with what was found, keeps it and says
// how to replay it, and passes where there is no race.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// recorder is a test that can fail without failing this one.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// recorded runs f as a test of its own would, and returns what it failed with.
func recorded(t *testing.T, f func(testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	if t.Skipped() {
		t.SkipNow()
	}
	return r.said
}

func needsShell(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	t.Chdir(t.TempDir())
}

func TestARaceBetweenCommandsFailsTheTest(t *testing.T) {
	needsShell(t)
	said := recorded(t, func(t testing.TB) {
		CommandsAfter(t, []string{"echo start >list"}, `text=$(cat list); echo "$text" a >list`, `text=$(cat list); echo "$text" b >list`)
	})
	for _, want := range []string{"openat list O_TRUNC", "breaks serial: list is start ", "replay: go run github.com/memlatch/memlatch/racefuzz replay testdata"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in:\n%s", want, said)
		}
	}
	saved, _ := filepath.Glob(filepath.Join(kept, "*.txtar"))
	if len(saved) != 1 {
		t.Fatalf("kept %q", saved)
	}
	if text, _ := os.ReadFile(saved[0]); !strings.Contains(string(text), "-- verdict --\nserial: ") {
		t.Errorf("kept without the verdict:\n%s", text)
	}
}

func TestCommandsWithoutARacePass(t *testing.T) {
	needsShell(t)
	Commands(t, "echo a >>list", "echo b >>list")
}

func TestARaceBetweenDaemonsFailsTheTest(t *testing.T) {
	needsShell(t)
	script, err := filepath.Abs("check_then_write.sh")
	if err != nil {
		t.Fatal(err)
	}
	text := "[ -e \"$1\" ] && exit 1\necho $$ >\"$1\"\nread line\nrm \"$1\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	said := recorded(t, func(t testing.TB) { Daemon(t, "sh "+script+" {pidfile}") })
	if !strings.Contains(said, " breaks I") || !strings.Contains(said, "replay: ") {
		t.Errorf("failed with %q", said)
	}
}
