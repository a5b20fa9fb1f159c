package sim

import (
	"errors"
	"io/fs"

	"github.com/memlatch/memlatch/lock"
)

// What the real systems answer, besides the errors of io/fs.
var (
	errDied = errors.New("the process has died")

	// lock.OS's own words.
	errLink       = errors.New("is a link; remove it")
	errNotRegular = errors.New("is not a regular file; remove it")
	errNames      = errors.New("has other names (hard links); remove it")

	errBadFile    = errors.New("bad file descriptor")
	errInvalid    = errors.New("invalid argument")
	errIsDir      = errors.New("is a directory")
	errNotDir     = errors.New("not a directory")
	errLoop       = errors.New("too many levels of symbolic links")
	errWouldBlock = errors.New("would wait for a writer for ever")

	errSharing   = errors.New("another process has the file open and does not share its deletion")
	errLocked    = errors.New("another process has locked a portion of the file")
	errNotLocked = errors.New("the segment is already unlocked")
)

// busyError is an error of Windows in which lock.OS sees a state that passes.
type busyError struct{ error }

func (e busyError) Unwrap() error        { return e.error }
func (e busyError) Is(target error) bool { return target == lock.ErrBusy }

// passing recognises such errors as lock.OS does.
func (r Rules) passing(err error) error {
	if r != POSIX && (err == fs.ErrPermission || err == errSharing) {
		return busyError{err}
	}
	return err
}

func pathError(op, path string, err error) error {
	return &fs.PathError{Op: op, Path: path, Err: err}
}
