//go:build unix

package sim

import (
	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/lock"
)

func makeFIFO(path string) error { return unix.Mkfifo(path, 0o600) }

func (f plainFile) TryLock(exclusive bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return lock.ErrRefused
	}
	return err
}

func (f plainFile) Unlock() error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
