package sim

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/memlatch/memlatch/lock"
)

// failure is an error with the words of a real system, and what it matches.
type failure struct {
	text string
	is   []error
}

func (f *failure) Error() string        { return f.text }
func (f *failure) Is(target error) bool { return slices.Contains(f.is, target) }

// What the real systems answer. The first four are lock.OS's own words.
var (
	errLink       = errors.New("is a link; remove it")
	errNotRegular = errors.New("is not a regular file; remove it")
	errNames      = errors.New("has other names (hard links); remove it")
	errDied       = errors.New("the process has died")

	errBadFile    = errors.New("bad file descriptor")
	errIsDir      = errors.New("is a directory")
	errNotDir     = errors.New("not a directory")
	errLoop       = errors.New("too many levels of symbolic links")
	errWouldBlock = errors.New("would wait for a writer for ever")
	errInvalid    = errors.New("invalid argument")

	errAccess    = &failure{"access is denied", []error{fs.ErrPermission, lock.ErrBusy}}
	errDeleting  = &failure{"a removal is pending", []error{lock.ErrBusy}}
	errSharing   = &failure{"another process has the file open and does not share its deletion", []error{lock.ErrBusy}}
	errLocked    = errors.New("another process has locked a portion of the file")
	errNotLocked = errors.New("the segment is already unlocked")
)

func pathError(op, path string, err error) error {
	return &fs.PathError{Op: op, Path: path, Err: err}
}
