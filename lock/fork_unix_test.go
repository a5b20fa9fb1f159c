//go:build linux || darwin

package lock

// Proves that a release does not wait for a child that is being started.

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A child between fork and exec has the parent's descriptors, which lead to
// the same open file: a duplicate is the same. Closing the original leaves the
// lock with it; unlocking does not.
func TestReleaseReachesAChildBetweenForkAndExec(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	p := mustAcquire(t, path)
	child, err := unix.Dup(p.file.(*file).fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	// Only while its file keeps the name can the lock be in the way.
	if err := unix.Link(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	if err := p.Release(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Rename(path+".kept", path); err != nil {
		t.Fatal(err)
	}
	mustAcquire(t, path)
}
