package lock

// Proves that what cannot be a pid file is refused with a clear error, by
// Acquire and Probe alike, and that nothing in the way is touched.

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type obstacle struct {
	name string
	// put places the obstacle at path, in a directory of its own; an error
	// means that this system or user cannot have it.
	put func(path string) error
	// says is what the error of Acquire contains, one of these.
	says []string
	// probed is true where the file can be read and probed nevertheless.
	probed bool
}

const victim = "precious\n"

var obstacles = []obstacle{
	{"link", func(path string) error { return withVictim(path, os.Symlink) }, []string{"is a link; remove it"}, false},
	{"dangling link", func(path string) error { return isThere(path, os.Symlink("nowhere", path)) }, []string{"is a link; remove it"}, false},
	{"hard link", func(path string) error { return withVictim(path, os.Link) }, []string{"has other names (hard links); remove it"}, true},
	{"directory", func(path string) error { return os.Mkdir(path, 0o700) }, []string{"is a directory", "is not a regular file"}, false},
	{"read-only file", readOnly, []string{"denied"}, true},
	{"name that is too long", func(path string) error { return nil }, []string{"too long", "invalid", "incorrect", "syntax", "find", "found"}, false},
}

func withVictim(path string, link func(old, new string) error) error {
	other := filepath.Join(filepath.Dir(path), "victim")
	if err := os.WriteFile(other, []byte(victim), 0o600); err != nil {
		return err
	}
	return isThere(path, link(other, path))
}

// isThere distrusts a link that was made: under Wine there may be none.
func isThere(path string, err error) error {
	if err == nil {
		_, err = os.Lstat(path)
	}
	return err
}

func readOnly(path string) error {
	if err := os.WriteFile(path, []byte(victim), 0o400); err != nil {
		return err
	}
	if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
		f.Close()
		return errors.New("permissions do not keep this user out")
	}
	return nil
}

func TestWhatIsInTheWayIsRefusedAndNotTouched(t *testing.T) {
	for _, o := range slices.Concat(obstacles, ownObstacles) {
		t.Run(o.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "server.pid")
			if o.name == "name that is too long" {
				path = filepath.Join(dir, strings.Repeat("x", 300))
			}
			if err := o.put(path); err != nil {
				t.Skipf("cannot be had here: %v", err)
			}
			before := inventory(t, dir)
			p, err := withinPatience(t, func() (*PIDFile, error) { return Acquire(path) })
			if err == nil {
				p.Release()
				t.Error("Acquire took it")
			} else if says := err.Error(); !strings.Contains(says, path+": ") || !slices.ContainsFunc(o.says, func(s string) bool { return strings.Contains(says, s) }) {
				t.Errorf("Acquire: %q, want the path and one of %q", says, o.says)
			}
			var pathError *fs.PathError
			if !errors.As(err, &pathError) || errors.Is(err, ErrHeld) {
				t.Errorf("Acquire: %#v, want a PathError", err)
			}
			status, err := withinPatience(t, func() (Status, error) { return Probe(path) })
			if o.probed != (err == nil && status.State == Stale) {
				t.Errorf("Probe: %v, %v", status, err)
			}
			if after := inventory(t, dir); !slices.Equal(before, after) {
				t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
			}
		})
	}
}

func TestMissingDirectoryIsAnErrorForAcquireAndAbsenceForProbe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "server.pid")
	if _, err := Acquire(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("Acquire: %v, want ErrNotExist with the path", err)
	}
	wantStatus(t, path, Status{})
	wantAbsent(t, filepath.Dir(path))
}

func TestClosedDirectoryIsAClearError(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if err := os.Mkdir(filepath.Join(dir, "probe"), 0o700); err == nil {
		os.Remove(filepath.Join(dir, "probe"))
		t.Skip("cannot be had here: permissions do not keep this user out")
	}
	path := filepath.Join(dir, "server.pid")
	if _, err := Acquire(path); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), path) {
		t.Errorf("Acquire: %v, want ErrPermission with the path", err)
	}
	wantAbsent(t, path)
}

// A directory that is closed while the pid file is held keeps its name, but
// the file then names nobody.
func TestFileThatCannotBeRemovedNamesNobody(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "server.pid")
	p := mustAcquire(t, path)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	err := p.Release()
	if err == nil {
		t.Skip("cannot be had here: permissions do not keep this user out")
	}
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), path) {
		t.Errorf("Release: %v, want ErrPermission with the path", err)
	}
	wantContent(t, path, "")
	wantStatus(t, path, Status{State: Stale})
}

// inventory describes everything in dir but the times at which it was read.
func inventory(t *testing.T, dir string) (lines []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		line := info.Mode().String() + " " + e.Name() + " " + info.ModTime().String()
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			line += " " + string(text) + errorText(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// withinPatience fails the test when call waits for something.
func withinPatience[T any](t *testing.T, call func() (T, error)) (T, error) {
	t.Helper()
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	go func() {
		value, err := call()
		results <- result{value, err}
	}()
	select {
	case r := <-results:
		return r.value, r.err
	case <-time.After(patience):
		t.Fatal("still waiting")
		panic("unreachable")
	}
}
