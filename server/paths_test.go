package main

// Where servers and commands look for each other must not depend on how they
// were started or how a path is spelled.

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

func TestRuntimeDirs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has one runtime directory and no XDG_RUNTIME_DIR")
	}
	last := "/tmp/memlatch-" + strconv.Itoa(os.Geteuid())
	safe := t.TempDir()
	if err := os.Chmod(safe, 0o700); err != nil {
		t.Fatal(err)
	}
	loose := t.TempDir()
	if err := os.Chmod(loose, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, override, xdg string
		first               string // "" if xdg does not count
		only                bool
	}{
		{name: "override", override: safe, xdg: safe, first: safe, only: true},
		{name: "override is made clean", override: safe + "/x/..", first: safe, only: true},
		{name: "XDG set", xdg: safe, first: filepath.Join(safe, "memlatch")},
		{name: "XDG unset"},
		{name: "XDG open to others", xdg: loose},
		{name: "XDG not there", xdg: filepath.Join(safe, "none")},
		{name: "XDG relative", xdg: "run"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("MEMLATCH_RUNTIME_DIR", row.override)
			t.Setenv("XDG_RUNTIME_DIR", row.xdg)
			dirs := runtimeDirs()
			if row.only {
				if !slices.Equal(dirs, []string{row.first}) {
					t.Errorf("%q, want %q alone", dirs, row.first)
				}
				return
			}
			if row.first != "" && dirs[0] != row.first {
				t.Errorf("%q does not begin with %q", dirs, row.first)
			}
			if row.first == "" && row.xdg != "" && slices.Contains(dirs, filepath.Join(row.xdg, "memlatch")) {
				t.Errorf("%q trusts %q", dirs, row.xdg)
			}
			if dirs[len(dirs)-1] != last {
				t.Errorf("%q does not end with %q", dirs, last)
			}
		})
	}
}

func TestOneStoreHasOnePIDFile(t *testing.T) {
	user := t.TempDir()
	t.Setenv("HOME", user)
	t.Setenv("USERPROFILE", user)
	name := func(home string) string {
		t.Setenv("MEMLATCH_HOME", home)
		p, err := find()
		if err != nil {
			t.Fatal(err)
		}
		return p.pidName
	}
	standard := filepath.Join(user, ".memlatch")
	other := filepath.Join(user, "other")
	spelled := filepath.Join(user, "x") + string(filepath.Separator) + ".." + string(filepath.Separator)
	if got := name(""); got != "server.pid" {
		t.Errorf("the usual store has %s", got)
	}
	for _, home := range []string{standard, spelled + ".memlatch"} {
		if got := name(home); got != "server.pid" {
			t.Errorf("%s has %s, though it is the usual store", home, got)
		}
	}
	first := name(other)
	if first == "server.pid" || first == name(standard+"2") {
		t.Errorf("%s is shared by two stores", first)
	}
	if got := name(spelled + "other"); got != first {
		t.Errorf("one store has %s and %s", first, got)
	}
	// The name stays when the store comes into being, and through a link.
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := name(other); got != first {
		t.Errorf("one store has %s and then %s", first, got)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := symlink(user, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if got := name(filepath.Join(link, "other")); got != first {
		t.Errorf("one store has %s and, through a link, %s", first, got)
	}
}

// symlink is os.Symlink, and distrusts it: Wine says that it has made a link
// and has not.
func symlink(old, new string) error {
	err := os.Symlink(old, new)
	if err == nil {
		_, err = os.Lstat(new)
	}
	return err
}
