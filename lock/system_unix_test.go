//go:build linux || darwin

package lock

// Proves that what the system answers reaches the caller, and that nothing stays
// open.

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestReadSaysWhereTheFileEnds(t *testing.T) {
	f := mustOpen(t)
	defer f.Close()
	if _, err := f.WriteAt([]byte("four"), 0); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		length int
		want   error
	}{{3, nil}, {4, nil}, {5, io.EOF}} {
		if n, err := f.ReadAt(make([]byte, tt.length), 0); n != min(tt.length, 4) || err != tt.want {
			t.Errorf("%d bytes: %d, %v, want %v", tt.length, n, err, tt.want)
		}
	}
}

func mustOpen(t *testing.T) File {
	t.Helper()
	f, err := OS{}.Open(filepath.Join(t.TempDir(), "server.pid"), Create)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCallsThatFailSaySo(t *testing.T) {
	f := mustOpen(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() (int, error){
		"lock":     func() (int, error) { return 0, f.TryLock(true) },
		"unlock":   func() (int, error) { return 0, f.Unlock() },
		"read":     func() (int, error) { return f.ReadAt(make([]byte, 1), 0) },
		"write":    func() (int, error) { return f.WriteAt(make([]byte, 1), 0) },
		"truncate": func() (int, error) { return 0, f.Truncate(0) },
		"close":    func() (int, error) { return 0, f.Close() },
	} {
		var path *os.PathError
		if n, err := call(); n != 0 || !errors.Is(err, unix.EBADF) || !errors.As(err, &path) || path.Path != f.(*file).path {
			t.Errorf("%s of a closed file: %d, %v", name, n, err)
		}
	}
}

// A limit on the size of files is like a disk that is full in the middle.
func TestShortWriteIsAnError(t *testing.T) {
	f := mustOpen(t)
	defer f.Close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 2, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	n, err := f.WriteAt([]byte("four"), 0)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if n != 2 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("WriteAt: %d, %v, want a short write", n, err)
	}
}

func TestInterruptedCallIsRepeated(t *testing.T) {
	calls := 0
	err := retry(func() error {
		if calls++; calls < 3 {
			return unix.EINTR
		}
		return unix.EIO
	})
	if calls != 3 || err != unix.EIO {
		t.Errorf("%d calls, %v, want 3 and the last one's error", calls, err)
	}
}

func TestPausesEndAfterATenthOfASecond(t *testing.T) {
	begin, n := time.Now(), 0
	for (OS{}).Pause(n) {
		n++
	}
	if took := time.Since(begin); n != maxPauses || took < 50*time.Millisecond {
		t.Errorf("%d pauses of %v, want %d of 50ms or more, for they are jittered", n, took, maxPauses)
	}
}

// A directory that has become something else says neither that the pid file is
// lost nor that it is there.
func TestCheckSaysWhyItCannotLook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := mustAcquire(t, filepath.Join(dir, "server.pid"))
	move(t, dir, dir+".moved")
	write(t, dir, "no directory")
	if err := p.Check(); !errors.Is(err, unix.ENOTDIR) || errors.Is(err, ErrLost) {
		t.Errorf("Check: %v, want ENOTDIR", err)
	}
}

func TestNothingStaysOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	other := mustOpen(t)
	defer other.Close()
	for _, tt := range []struct {
		name string
		do   func()
	}{
		{"a start and a stop", func() { mustAcquire(t, path).Release() }},
		{"a probe of a stale file", func() { write(t, path, "42\n"); Probe(path) }},
		{"a start in a file with two names", func() { os.Link(path, path+".link"); Acquire(path); os.Remove(path + ".link") }},
		{"a start that cannot look", func() {
			AcquireOn(&between{before: func(call string) error { return failing(call == "same") }}, path)
		}},
		{"a start that cannot lock", func() {
			AcquireOn(&between{before: func(call string) error { return failing(call == "lock") }}, path)
		}},
		{"a start beside a holder", func() {
			p := mustAcquire(t, path)
			Acquire(path)
			Probe(path)
			p.Release()
		}},
		{"a start whose file is removed meanwhile", func() {
			mustAcquireOn(t, &between{after: once("open", func() { os.Remove(path) })}, path).Release()
		}},
		{"a shared barrier", func() { b := mustTake(t, Share, path); Exclude(over, path); b.Release() }},
	} {
		before := descriptors(nil)
		tt.do()
		if after := descriptors(nil); len(after) != len(before) {
			t.Errorf("%s: %d open before, %d after", tt.name, len(before), len(after))
		}
	}
}

func failing(yes bool) error {
	if yes {
		return unix.EIO
	}
	return nil
}
