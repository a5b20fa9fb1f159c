package proc

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// openToRead opens the file at path and shares all that can be shared, so
// that whoever looks is not the one who keeps the file from being removed.
func openToRead(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, 0, 0)
	if err == nil {
		if err = readable(h); err != nil {
			windows.CloseHandle(h)
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// readable returns an error where a lock lies on what peek reads. Windows
// keeps everybody else from reading there, and Wine does not.
func readable(h windows.Handle) error {
	var from windows.Overlapped
	err := windows.LockFileEx(h, windows.LOCKFILE_FAIL_IMMEDIATELY, 0, maxPeek, 0, &from)
	if err != nil {
		return err
	}
	return windows.UnlockFileEx(h, 0, maxPeek, 0, &from)
}
