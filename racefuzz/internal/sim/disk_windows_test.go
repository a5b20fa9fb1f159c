package sim

import (
	"errors"

	"golang.org/x/sys/windows"

	"github.com/memlatch/memlatch/lock"
)

func makeFIFO(path string) error { return errors.ErrUnsupported }

func (f plainFile) TryLock(exclusive bool) error { return f.TryLockRange(lockOffset, 1, exclusive) }

func (f plainFile) Unlock() error { return f.UnlockRange(lockOffset, 1) }

func (f plainFile) TryLockRange(off, n int64, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, uint32(n), 0, at(off))
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return lock.ErrRefused
	}
	return err
}

func (f plainFile) UnlockRange(off, n int64) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, uint32(n), 0, at(off))
}

func at(off int64) *windows.Overlapped {
	return &windows.Overlapped{Offset: uint32(off), OffsetHigh: uint32(off >> 32)}
}
