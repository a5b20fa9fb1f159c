package main

// Proves that only the directories of runs that are gone are removed.

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
)

func TestWhatAKilledRunLeftIsRemovedByTheNext(t *testing.T) {
	temp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, temp)
	}
	leave := func(name, file string) string {
		dir := filepath.Join(temp, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{inUse, file} {
			if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	gone := leave("racefuzz-gone", begun)
	early := leave("racefuzz-early", inUse)
	used := leave("racefuzz-used", begun)
	strangers := leave("strangers", begun)
	linked := leave("racefuzz-linked", begun)
	if err := errors.Join(os.Remove(filepath.Join(linked, inUse)), os.Symlink(begun, filepath.Join(linked, inUse))); err != nil {
		t.Log(err) // where links need rights
		linked = used
	}
	lock := flock.New(filepath.Join(used, inUse))
	if locked, err := lock.TryLock(); err != nil || !locked {
		t.Fatal(err)
	}
	defer lock.Close()
	var own string
	if _, err := inTemp(func(dir string) (int, error) {
		own = dir
		return inTemp(func(second string) (int, error) {
			if _, err := os.Stat(dir); err != nil {
				t.Errorf("the second removes what the first uses: %v", err)
			}
			return 0, nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{gone: false, early: true, used: true, strangers: true, linked: true, own: false} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(dir), err == nil, want)
		}
	}
}
