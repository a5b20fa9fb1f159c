package lock

// Proves what a single process can: that a pid file excludes, records,
// reports and cleans up as its contract says, on the real system.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var ownLine = fmt.Sprintln(os.Getpid())

func TestAcquireRecordsAndReleaseRemoves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	p := mustAcquire(t, path)
	wantContent(t, path, ownLine)
	if err := p.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
	if err := p.Release(); err != nil {
		t.Errorf("Release: %v", err)
	}
	wantAbsent(t, path)
}

func TestSecondAcquireIsRefusedAndHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	mustAcquire(t, path)
	_, err := Acquire(path)
	var held *HeldError
	if !errors.As(err, &held) || !errors.Is(err, ErrHeld) || *held != (HeldError{path, os.Getpid()}) {
		t.Fatalf("second Acquire: %#v, want a HeldError with this process's id", err)
	}
	if want := fmt.Sprintf("%s: already held, by process %d", path, os.Getpid()); err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
	wantContent(t, path, ownLine)
}

func TestResidueIsReplacedWhole(t *testing.T) {
	for _, residue := range []string{"", "\n", "1", "9999999999\n", "1\n2\n3\n", strings.Repeat("x", 1<<16)} {
		path := filepath.Join(t.TempDir(), "server.pid")
		write(t, path, residue)
		mustAcquire(t, path)
		wantContent(t, path, ownLine)
	}
}

func TestProbeBelievesOnlyWholePIDs(t *testing.T) {
	tests := []struct {
		content string
		want    int
	}{
		{"42\n", 42},
		{"42\ntrailing", 42},
		{"2147483647\n", 2147483647},
		{"2147483648\n", 0},
		{"", 0},
		{"42", 0},
		{"\n42\n", 0},
		{"0\n", 0},
		{"-1\n", 0},
		{"+1\n", 0},
		{"042\n", 0},
		{" 42\n", 0},
		{"42 \n", 0},
		{"42\r\n", 0},
		{"12x\n", 0},
		{"4 2\n", 0},
		{"42\x00\n", 0},
		{strings.Repeat("4", 1<<16) + "\n", 0},
	}
	path := filepath.Join(t.TempDir(), "server.pid")
	for _, tt := range tests {
		write(t, path, tt.content)
		if got, err := Probe(path); err != nil || got != (Status{Stale, tt.want}) {
			t.Errorf("content %.20q: %v, %v, want stale with pid %d", tt.content, got, err, tt.want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHolderWhosePIDIsNotRecordedIsUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	mustAcquire(t, path)
	write(t, path, "not a pid\n")
	if got, err := Probe(path); err != nil || got != (Status{State: Held}) {
		t.Errorf("Probe: %v, %v, want held with no pid", got, err)
	}
	_, err := Acquire(path)
	var held *HeldError
	if !errors.As(err, &held) || held.PID != 0 {
		t.Errorf("Acquire: %v, want a HeldError with no pid", err)
	}
	if err != nil && !strings.Contains(err.Error(), "by an unknown process") {
		t.Errorf("message %q", err)
	}
}

func TestReadersDoNotTakeEachOtherForTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	write(t, path, "42\n")
	reader, err := OS{}.Open(path, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.TryLock(false); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, path, Status{Stale, 42})
}

func TestReleaseWorksOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	old := mustAcquire(t, path)
	if err := old.Release(); err != nil {
		t.Fatal(err)
	}
	mustAcquire(t, path)
	if err := old.Release(); err != nil {
		t.Errorf("second Release: %v", err)
	}
	if err := old.Check(); !errors.Is(err, ErrLost) {
		t.Errorf("Check after Release: %v, want ErrLost", err)
	}
	wantContent(t, path, ownLine)
}

func TestStatesHaveNames(t *testing.T) {
	for state, want := range map[State]string{Absent: "absent", Stale: "stale", Held: "held", 7: "state 7"} {
		if got := state.String(); got != want {
			t.Errorf("State(%d) is %q, want %q", int(state), got, want)
		}
	}
}

// mustAcquire releases what it acquires when the test ends.
func mustAcquire(t *testing.T, path string) *PIDFile {
	t.Helper()
	p, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Release() })
	return p
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("content %.40q, %v, want %q", got, err, want)
	}
}

func wantAbsent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("%s is there: %v", path, err)
	}
}
