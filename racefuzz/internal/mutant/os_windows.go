package mutant

import (
	"os"

	"golang.org/x/sys/windows"

	"github.com/memlatch/memlatch/lock"
)

// Signal implements [Raw].
func (OS) Signal(pid int) error {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	switch err {
	case nil:
	case windows.ERROR_ACCESS_DENIED:
		return os.ErrPermission
	default:
		return os.ErrProcessDone
	}
	defer windows.CloseHandle(h)
	if event, err := windows.WaitForSingleObject(h, 0); err != nil || event == windows.WAIT_OBJECT_0 {
		return os.ErrProcessDone
	}
	return nil
}

// beyond is where lock.OS locks: one byte far beyond the content.
const beyond = 1 << 62

func (f rawFile) TryLock(exclusive bool) error { return f.TryLockRange(beyond, 1, exclusive) }
func (f rawFile) Unlock() error                { return f.UnlockRange(beyond, 1) }

// TryLockRange implements [RangeLocker].
func (f rawFile) TryLockRange(off, n int64, exclusive bool) error {
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

// UnlockRange implements [RangeLocker].
func (f rawFile) UnlockRange(off, n int64) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, uint32(n), 0, at(off))
}

func at(off int64) *windows.Overlapped {
	return &windows.Overlapped{Offset: uint32(off), OffsetHigh: uint32(off >> 32)}
}
