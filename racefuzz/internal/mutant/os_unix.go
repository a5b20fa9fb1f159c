//go:build unix

package mutant

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/lock"
)

// Signal implements [Raw].
func (OS) Signal(pid int) error {
	switch err := unix.Kill(pid, 0); err {
	case unix.ESRCH:
		return os.ErrProcessDone
	case unix.EPERM:
		return os.ErrPermission
	default:
		return err
	}
}

func (f rawFile) TryLock(exclusive bool) error {
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

func (f rawFile) Unlock() error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
