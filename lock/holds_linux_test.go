package lock

// Proves that only the lock that counts makes a holder.

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOtherKindOfLockMakesNoHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(ownLine), 0); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, path, Status{State: Held})
}
