package lock

// Proves that only the lock that counts makes a holder, and that a list of locks
// which changes while it is read hides none.

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
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

func TestHolderIsFoundInAListThatChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	f, err := OS{}.Open(path, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Locks enough for several reads, which come and go.
	over := make(chan struct{})
	var others sync.WaitGroup
	for i := range 2 {
		var files []*os.File
		for range 200 {
			g, err := os.CreateTemp(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			files = append(files, g)
		}
		others.Go(func() {
			for n := i; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				how := unix.LOCK_EX
				if n%3 == 0 {
					how = unix.LOCK_UN
				}
				if err := unix.Flock(int(files[n*7%len(files)].Fd()), how|unix.LOCK_NB); err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2000 {
		if !(OS{}).Holds(f, holder.cmd.Process.Pid) {
			t.Error("the holder is not found")
			break
		}
	}
	close(over)
	others.Wait()
}
