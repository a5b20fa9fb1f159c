//go:build unix

package main

// A store that its user may not write is read all the same. Root may write
// everything, so that for root somebody else tries.

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const nobody = 12345 // a user and a group

func TestStoreThatMayNotBeWrittenIsRead(t *testing.T) {
	for name, modes := range map[string]struct{ files, dir os.FileMode }{
		"the files":     {0o400, 0o700},
		"the directory": {0o600, 0o500},
		"both":          {0o400, 0o500},
	} {
		t.Run(name, func(t *testing.T) {
			public := ""
			if os.Geteuid() == 0 {
				public = publicDir(t)
				t.Setenv("GOTMPDIR", public) // where nobody can go, unlike where it is now, perhaps
				t.Setenv("TMPDIR", public)
			}
			p := filled(t, 3)
			if public != "" {
				handOver(t, filepath.Dir(p.home), public)
			}
			entries, err := os.ReadDir(p.store)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if err := os.Chmod(filepath.Join(p.store, e.Name()), modes.files); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(p.store, modes.dir); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(p.store, 0o700) })
			onlyRead(t, os.Environ(), p, "make it and its files writable to you")
		})
	}
}

// publicDir returns a directory that everybody may go through.
func publicDir(t *testing.T) string {
	t.Helper()
	public, err := os.MkdirTemp("/tmp", "memlatch-test-")
	if err == nil {
		err = os.Chmod(public, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(public) })
	return public
}

// handOver gives all in dir to nobody, who runs every memlatch from now on, by
// way of a public directory.
func handOver(t *testing.T, dir, public string) {
	t.Helper()
	memlatch, err := exec.LookPath("memlatch")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(memlatch)
	if err != nil {
		t.Fatal(err)
	}
	wrapper := fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid %d --regid %d --clear-groups %s/bin/memlatch \"$@\"\n", nobody, nobody, public)
	for _, err := range []error{
		os.Mkdir(filepath.Join(public, "bin"), 0o755),
		os.WriteFile(filepath.Join(public, "bin", "memlatch"), program, 0o755),
		os.WriteFile(filepath.Join(public, "memlatch"), []byte(wrapper), 0o755),
		os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755),
		filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, nobody))
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("setpriv", "--reuid", "1", "true").CombinedOutput(); err != nil {
		t.Skipf("nobody else can be had here: %v: %s", err, out)
	}
	t.Setenv("PATH", public+":"+os.Getenv("PATH"))
}
