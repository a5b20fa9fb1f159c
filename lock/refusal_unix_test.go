//go:build linux || darwin

package lock

// Proves what only Unix systems can have in the way, and keep from others.

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

var ownObstacles = []obstacle{
	{"FIFO", func(path string) error { return unix.Mkfifo(path, 0o600) }, []string{"is not a regular file; remove it"}, false},
	{"socket", listen, []string{"is not a regular file; remove it"}, false},
	{"device", func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o600, nullDevice()) }, []string{"is not a regular file; remove it"}, false},
	{"another user's file", foreign, []string{"belongs to another user"}, true},
}

// listen makes a socket. A path can be too long for one that is listened on, and
// only some systems make one otherwise.
func listen(path string) error {
	if unix.Mknod(path, unix.S_IFSOCK|0o600, 0) == nil {
		return nil
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}

func nullDevice() int {
	var st unix.Stat_t
	if err := unix.Stat(os.DevNull, &st); err != nil {
		return 0
	}
	return int(st.Rdev)
}

func foreign(path string) error {
	if err := os.WriteFile(path, []byte(victim), 0o666); err != nil {
		return err
	}
	return os.Chown(path, os.Geteuid()+65534, -1)
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	mustAcquire(t, filepath.Join(dir, "server.pid"))
	mustTake(t, Share, filepath.Join(dir, "shared.lock"))
	mustTake(t, Exclude, filepath.Join(dir, "excluded.lock"))
	for _, name := range []string{"server.pid", "shared.lock", "excluded.lock"} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, want 0600", name, info.Mode())
		}
	}
}
