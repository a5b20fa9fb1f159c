package lock

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

type file struct {
	handle windows.Handle
	path   string
	info   windows.ByHandleFileInformation // as it was opened; its identity is valid until it is closed
}

// lockOffset is the one byte that is locked. Windows keeps others from
// reading locked bytes, so it lies beyond any content.
const lockOffset = 1 << 62

// Open shares the file with readers, writers and removers alike, and does not
// ask for the right to delete it itself: such a handle would shut out
// ordinary readers, which do not share deletion. A directory opens too, as the
// flag for backups allows, and is then refused by its name.
func (OS) Open(path string, mode Mode) (File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	access, disposition := uint32(windows.GENERIC_READ), uint32(windows.OPEN_EXISTING)
	if mode == Create {
		access, disposition = windows.GENERIC_READ|windows.GENERIC_WRITE, windows.OPEN_ALWAYS
	}
	h, err := windows.CreateFile(name, access, shareAll, nil, disposition,
		windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return nil, pathError("open", path, passing(err))
	}
	f := &file{handle: h, path: path}
	if err := f.usable(mode); err != nil {
		windows.CloseHandle(h)
		return nil, pathError("open", path, err)
	}
	return f, nil
}

const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// passing recognises the errors of a name that somebody is removing or has
// open without sharing. A removal that is pending answers "access denied" and
// cannot be told from missing rights except by its passing.
func passing(err error) error {
	switch err {
	case windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED, windows.ERROR_DELETE_PENDING:
		return &busyError{err}
	}
	return err
}

type busyError struct{ err error }

func (e *busyError) Error() string        { return e.err.Error() }
func (e *busyError) Unwrap() error        { return e.err }
func (e *busyError) Is(target error) bool { return target == ErrBusy }

// usable says why a file must not be used. Its owner is not asked for: what
// an elevated process creates belongs to the administrators' group.
func (f *file) usable(mode Mode) error {
	kind, err := windows.GetFileType(f.handle)
	if err != nil {
		return err
	}
	if kind != windows.FILE_TYPE_DISK {
		return errNotRegular
	}
	if err := windows.GetFileInformationByHandle(f.handle, &f.info); err != nil {
		return err
	}
	switch info := &f.info; {
	case info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0:
		return errLink
	case info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
		return errNotRegular
	case mode == Create && info.NumberOfLinks > 1:
		return errNames
	}
	return nil
}

func (OS) Same(f File, path string) (bool, error) {
	named, err := statByName(path)
	switch err {
	case nil:
		open := &f.(*file).info
		return open.VolumeSerialNumber == named.VolumeSerialNumber &&
			open.FileIndexHigh == named.FileIndexHigh && open.FileIndexLow == named.FileIndexLow, nil
	case windows.ERROR_FILE_NOT_FOUND, windows.ERROR_PATH_NOT_FOUND,
		windows.ERROR_ACCESS_DENIED, windows.ERROR_DELETE_PENDING: // the last two: about to go
		return false, nil
	default:
		return false, pathError("stat", path, err)
	}
}

func statByName(path string) (info windows.ByHandleFileInformation, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return info, err
	}
	h, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, shareAll, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return info, err
	}
	defer windows.CloseHandle(h)
	return info, windows.GetFileInformationByHandle(h, &info)
}

func (OS) Remove(path string) error {
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		err = windows.DeleteFile(name)
	}
	if err != nil {
		return pathError("remove", path, passing(err))
	}
	return nil
}

func (OS) PID() int { return os.Getpid() }

func (OS) Pause(n int) bool { return pause(n) }

// Holds cannot ask who has a lock on Windows. It believes the pid of a live
// process that started no later than the file was last written: a process
// that got a used pid again started after its predecessor wrote it. Where
// looking is not permitted, there is a process to protect.
func (OS) Holds(f File, pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return err == windows.ERROR_ACCESS_DENIED
	}
	defer windows.CloseHandle(h)
	// OpenProcess rounds down: ids near a process's own lead to it too.
	if id, err := windows.GetProcessId(h); err != nil || int(id) != pid {
		return false
	}
	if event, err := windows.WaitForSingleObject(h, 0); err != nil || event == windows.WAIT_OBJECT_0 {
		return false
	}
	var started, exited, kernel, user windows.Filetime
	var info windows.ByHandleFileInformation
	if windows.GetProcessTimes(h, &started, &exited, &kernel, &user) != nil ||
		windows.GetFileInformationByHandle(f.(*file).handle, &info) != nil {
		return false
	}
	return started.Nanoseconds() <= info.LastWriteTime.Nanoseconds()
}

func (f *file) TryLock(exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(f.handle, flags, 0, 1, 0, lockedByte())
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return ErrRefused
	}
	return pathError("LockFileEx", f.path, err)
}

func (f *file) Unlock() error {
	return pathError("UnlockFileEx", f.path, windows.UnlockFileEx(f.handle, 0, 1, 0, lockedByte()))
}

func lockedByte() *windows.Overlapped {
	return &windows.Overlapped{Offset: lockOffset & 0xffffffff, OffsetHigh: lockOffset >> 32}
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	var n uint32
	err := windows.ReadFile(f.handle, p, &n, at(off))
	if err == windows.ERROR_HANDLE_EOF || err == nil && int(n) < len(p) {
		return int(n), io.EOF
	}
	return int(n), pathError("read", f.path, err)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	var n uint32
	err := windows.WriteFile(f.handle, p, &n, at(off))
	if err == nil && int(n) < len(p) {
		err = io.ErrShortWrite
	}
	return int(n), pathError("write", f.path, err)
}

func at(off int64) *windows.Overlapped {
	return &windows.Overlapped{Offset: uint32(off), OffsetHigh: uint32(off >> 32)}
}

func (f *file) Truncate(size int64) error {
	return pathError("truncate", f.path, windows.Ftruncate(f.handle, size))
}

func (f *file) Close() error {
	return pathError("close", f.path, windows.CloseHandle(f.handle))
}
