package lock

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"time"
)

// Mode says how [System.Open] opens a file.
type Mode int

const (
	// Read opens an existing file for reading and creates nothing.
	Read Mode = iota
	// Create opens a file for reading and writing and creates it, empty and
	// readable by its owner alone, where it is missing.
	Create
)

// Errors that a [System] reports for states that pass.
var (
	// ErrRefused is returned by [File.TryLock]: somebody else holds a
	// conflicting lock.
	ErrRefused = errors.New("lock refused")
	// ErrBusy is returned by [System.Open] while a removal of the name is
	// pending, and by [System.Remove] while somebody has the file open
	// without consenting to its removal. Only Windows has such states.
	ErrBusy = errors.New("file is busy")
)

// System is what the pid file asks of the operating system: one method, here
// or in [File], for each step that another process can get in between.
// [Acquire] and [Probe] run on the real one.
//
// An implementation must be usable from several goroutines; a [File] belongs
// to one at a time.
type System interface {
	// Open opens path without truncating it, without following a link in
	// its last element, without blocking on a FIFO, and closed in programs
	// that this process executes. Anything but a regular file is an error,
	// and so is, in mode Create, a file that has other names or another owner.
	Open(path string, mode Mode) (File, error)

	// Same reports whether path names the file that f has open. A name that
	// does not exist is no error: it names nothing, and so not f.
	Same(f File, path string) (bool, error)

	// Remove unlinks path, which may be open here and elsewhere.
	Remove(path string) error

	// PID returns the id of the calling process.
	PID() int

	// Holds reports whether the system confirms that process pid is the one
	// which holds the exclusive lock on f, or, where it keeps no such record,
	// that the process may be it. It is asked only while a lock is refused
	// because of a holder.
	Holds(f File, pid int) bool

	// Pause waits for a moment before try n+1, n counting from 0, and
	// reports true; once n tries are enough it reports false at once.
	Pause(n int) bool
}

// OS is the [System] of the running operating system.
type OS struct{}

// File is a file opened by a [System]. The lock belongs to the open file, not
// to the process: a second open file of the same process is refused too.
type File interface {
	// TryLock takes the lock, exclusive or shared, or returns an error
	// matching ErrRefused at once. A lock that cannot be taken for any other
	// reason, such as a file system without locks, is another error.
	TryLock(exclusive bool) error

	// Unlock gives the lock back, also where a child of this process
	// inherited the open file.
	Unlock() error

	// ReadAt, WriteAt and Truncate are those of [os.File].
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Truncate(size int64) error

	Close() error
}

// Reasons for which the real systems refuse to use a file.
var (
	errLink       = errors.New("is a link; remove it")
	errNotRegular = errors.New("is not a regular file; remove it")
	errNames      = errors.New("has other names (hard links); remove it")
	errOwner      = errors.New("belongs to another user")
)

// Waiting for somebody who has the file only for an instant starts at
// firstPause and doubles up to longestPause; maxPauses of them take 100 ms.
const (
	firstPause   = time.Millisecond
	longestPause = 16 * time.Millisecond
	maxPauses    = 10
)

// pause is Pause on every real system. It is jittered so that two who wait
// for each other fall out of step.
func pause(n int) bool {
	if n >= maxPauses {
		return false
	}
	d := min(firstPause<<n, longestPause)
	time.Sleep(d/2 + rand.N(d))
	return true
}

func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
