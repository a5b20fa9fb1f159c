package lock

// Proves what a single process can: that a pid file excludes, records,
// reports and cleans up as its contract says, on the real system.

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestAcquireRecordsAndReleaseRemoves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	p, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := content(t, path), strconv.Itoa(os.Getpid())+"\n"; got != want {
		t.Errorf("content %q, want %q", got, want)
	}
	if err := p.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
	if err := p.Release(); err != nil {
		t.Errorf("Release: %v", err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after Release: %v, want no file", err)
	}
}

func TestSecondAcquireIsRefusedAndHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	p, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	_, err = Acquire(path)
	var held *HeldError
	if !errors.As(err, &held) || !errors.Is(err, ErrHeld) || held.PID != os.Getpid() || held.Path != path {
		t.Fatalf("second Acquire: %#v, want a HeldError with this process's id", err)
	}
	if got, want := content(t, path), strconv.Itoa(os.Getpid())+"\n"; got != want {
		t.Errorf("content %q, want %q", got, want)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
