//go:build linux || darwin

package lock

// Proves that whoever gives a lock up does so for a child, too, that is being
// started: between fork and exec it has the parent's descriptors, which lead to
// the same open files. Closing one of them leaves the lock with the other;
// unlocking does not.

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// fork duplicates every descriptor that leads to the file at path until the test
// ends.
func fork(t *testing.T, path string) {
	t.Helper()
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		t.Fatal(err)
	}
	open := descriptors(&file)
	if len(open) == 0 {
		t.Fatal("nothing has the file open")
	}
	for _, fd := range open {
		child, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(child) })
	}
}

// descriptors returns those that lead to the file, or with nil to any.
func descriptors(file *unix.Stat_t) (open []int) {
	var st unix.Stat_t
	for fd := range 1024 {
		if unix.Fstat(fd, &st) == nil && (file == nil || st.Dev == file.Dev && st.Ino == file.Ino) {
			open = append(open, fd)
		}
	}
	return open
}

// wantFree takes the lock of the file at path at the first try.
func wantFree(t *testing.T, path string) {
	t.Helper()
	f, err := OS{}.Open(path, Create)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.TryLock(true); err != nil {
		t.Errorf("a child has the lock: %v", err)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestReleaseUnlocksForAChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	p := mustAcquire(t, path)
	fork(t, path)
	// Only while its file keeps a name can the lock be in the way.
	if err := unix.Link(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	if err := p.Release(); err != nil {
		t.Fatal(err)
	}
	wantFree(t, path+".kept")
}

func TestReleaseOfWhatWasBusyUnlocksForAChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	removals := 0
	busy := busyFor(maxPauses+1, func() {})
	p := mustAcquireOn(t, &between{before: func(call string) error {
		if call == "remove" {
			if removals++; removals == maxPauses+2 {
				fork(t, path)
				move(t, path, path+".kept")
			}
		}
		return busy(call)
	}}, path)
	if err := p.Release(); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Release: %v, want that there is no such file any more", err)
	}
	wantFree(t, path+".kept")
}

func TestProbeUnlocksForAChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	write(t, path, "42\n")
	if _, err := ProbeOn(&between{after: once("lock", func() { fork(t, path) })}, path); err != nil {
		t.Fatal(err)
	}
	wantFree(t, path)
}

func TestStartUnlocksForAChildWhatLostItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	mustAcquireOn(t, &between{after: once("lock", func() {
		fork(t, path)
		move(t, path, path+".kept")
	})}, path)
	wantFree(t, path+".kept")
}

func TestStartThatFailsUnlocksForAChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	_, err := AcquireOn(&between{before: func(call string) error {
		if call == "same" {
			fork(t, path)
			return unix.EIO
		}
		return nil
	}}, path)
	if !errors.Is(err, unix.EIO) {
		t.Fatalf("Acquire: %v, want EIO", err)
	}
	wantFree(t, path)
}

func TestBarrierUnlocksForAChild(t *testing.T) {
	for _, take := range []take{Share, Exclude} {
		path := filepath.Join(t.TempDir(), "store.lock")
		b := mustTake(t, take, path)
		fork(t, path)
		if err := b.Release(); err != nil {
			t.Fatal(err)
		}
		wantFree(t, path)
	}
}

func TestBarrierUnlocksForAChildWhatLostItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	tries := 0
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := hold(ctx, path, os.O_RDWR|os.O_CREATE, func(f *flock.Flock) (bool, error) {
		ok, err := f.TryRLock()
		if tries++; tries == 1 {
			fork(t, path)
			move(t, path, path+".kept")
		}
		return ok, err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	wantFree(t, path+".kept")
}
