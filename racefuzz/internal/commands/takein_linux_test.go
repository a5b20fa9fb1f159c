package commands

// Proves that a place can have what lies outside of it, which becomes what it was
// with each run and in the end, and that nothing is taken in that others need.

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestWhatIsTakenInIsPutBack(t *testing.T) {
	dir := t.TempDir()
	app, file, later := filepath.Join(dir, "app"), filepath.Join(dir, "file"), filepath.Join(dir, "later")
	write(t, filepath.Join(app, "sub", "a"), "1")
	write(t, file, "1")
	if err := errors.Join(os.Symlink("a", filepath.Join(app, "sub", "link")), os.Chmod(filepath.Join(app, "sub"), 0o500)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	p, err := NewPlace(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{app, file, later} {
		if err := p.TakeIn(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Keep(); err != nil {
		t.Fatal(err)
	}
	begin := tree(t, app)
	for range 2 {
		os.Chmod(filepath.Join(app, "sub"), 0o700)
		write(t, filepath.Join(app, "sub", "a"), "2")
		write(t, filepath.Join(app, "b"), "2")
		write(t, filepath.Join(later, "a"), "2")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		s, err := p.Snapshot(nil)
		if err != nil {
			t.Fatal(err)
		}
		names := strings.Join(s.Names(), " ")
		for _, name := range []string{app + "/sub/a", app + "/b", later + "/a", file} {
			if !strings.Contains(names, name) {
				t.Errorf("what differs is %s, without %s", names, name)
			}
		}
		if err := p.Restore(); err != nil {
			t.Fatal(err)
		}
		if now := tree(t, app); !reflect.DeepEqual(now, begin) {
			t.Errorf("restored is %v, want %v", now, begin)
		}
		if text, err := os.ReadFile(file); string(text) != "1" {
			t.Errorf("restored is %q, %v", text, err)
		}
		if _, err := os.Lstat(later); err == nil {
			t.Error("what was not there is there again")
		}
	}
	if err := p.PutBack(); err != nil {
		t.Fatal(err)
	}
	if after := tree(t, dir); !reflect.DeepEqual(after, before) {
		t.Errorf("put back is %v, want %v", after, before)
	}
}

func TestWhatOthersNeedIsNotTakenIn(t *testing.T) {
	dir := t.TempDir()
	home, app, spared := filepath.Join(dir, "user"), filepath.Join(dir, "app"), filepath.Join(dir, "mine", "races")
	t.Setenv("HOME", home)
	for _, name := range []string{home, app, spared, filepath.Join(dir, "here", "sub"), filepath.Join(dir, "base")} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(dir, "here", "sub"))
	if err := os.Symlink(app, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	p, err := NewPlace(filepath.Join(dir, "base"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.TakeIn(app, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"", "app", "/", "/tmp", "/usr/share/x", "/etc/passwd", "/var/lib", "/proc/self", "/home/somebody", home, dir, app, app + "/x",
		app + ".racefuzz/../app", filepath.Join(dir, "link"), filepath.Join(dir, "link", "x"), filepath.Join(dir, "here"),
		filepath.Join(dir, "mine"), filepath.Join(dir, "base"), "/dev/null", filepath.Join(dir, "no", "x"),
	} {
		var refusal *Refusal
		// Only what decides is asked: where it is wrong, nothing of the system may move.
		if _, err := p.mayTakeIn(name, []string{spared}); !errors.As(err, &refusal) || refusal.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, err := NewPlace(filepath.Join(dir, "base", "other"))
	if err != nil {
		t.Fatal(err)
	}
	if err := other.TakeIn(app, nil); err == nil || !strings.Contains(err.Error(), "a run uses it") {
		t.Errorf("two runs take in the same: %v", err)
	}
	if err := p.PutBack(); err != nil {
		t.Error(err)
	}
}
