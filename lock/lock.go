// Package lock lets one process at a time call itself the server.
//
// A pid file made by [Acquire] holds "<pid>\n" and nothing else, is itself the
// lock, and is gone after [PIDFile.Release]. Its name answers who the server
// is; the operating system's lock on it, not its content, answers whether
// there is one. A process that dies in whatever way gives the lock up, and the
// next start takes the file over.
//
// A [Barrier] guards a store that several processes share: each holds it
// shared while it has the store open, and whoever wants to remove the store
// holds it exclusively.
//
// The pid file works on Linux, macOS and Windows, on file systems with
// flock(2) or LockFileEx; elsewhere every call reports an error matching
// [errors.ErrUnsupported].
package lock

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
)

// Errors to test for with [errors.Is].
var (
	// ErrHeld says that another open file holds the lock.
	ErrHeld = errors.New("already held")
	// ErrLost says that the name is gone, or has become another file, while
	// this process holds the lock.
	ErrLost = errors.New("pid file was removed or replaced")

	// errOrphaned says that a file lost its name before it was locked.
	errOrphaned = errors.New("pid file was replaced again and again")
)

// Bounds on starting over. Each round means that somebody else made progress.
const (
	maxOrphaned = 1000
	maxReaders  = 1000
)

// HeldError is the refusal of a pid file that somebody holds. It matches
// [ErrHeld].
type HeldError struct {
	Path string
	PID  int // the holder, or 0 where the system does not confirm the recorded one
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return e.Path + ": already held, by an unknown process"
	}
	return fmt.Sprintf("%s: already held, by process %d", e.Path, e.PID)
}

// Is reports whether target is ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// PIDFile is a held pid file: while it is held, its name leads to a file with
// this process's id in it.
type PIDFile struct {
	sys  System
	path string

	mu   sync.Mutex
	file File // nil once released
}

// Acquire makes the calling process the holder of the pid file at path, in a
// directory that must exist. The error is a [*HeldError] when somebody holds
// it, this process included, and an [*fs.PathError] when the file cannot be
// used. A file that a dead process left is taken over; nobody ever finds an
// existing file empty in between. After an error nothing is held.
func Acquire(path string) (*PIDFile, error) { return AcquireOn(OS{}, path) }

// AcquireOn is [Acquire] on sys.
func AcquireOn(sys System, path string) (*PIDFile, error) {
	for orphaned, busy := 0, 0; ; {
		p, err := acquire(sys, path)
		switch {
		case errors.Is(err, errOrphaned) && orphaned < maxOrphaned:
			orphaned, busy = orphaned+1, 0
		case errors.Is(err, ErrBusy) && sys.Pause(busy):
			busy++
		default:
			return p, err
		}
	}
}

func acquire(sys System, path string) (*PIDFile, error) {
	f, err := claim(sys, path)
	if err != nil {
		return nil, err
	}
	p := &PIDFile{sys: sys, path: path, file: f}
	if err := record(f, sys.PID()); err != nil {
		return nil, errors.Join(err, p.Release())
	}
	return p, nil
}

// claim opens the file at path and locks it.
func claim(sys System, path string) (File, error) {
	f, err := sys.Open(path, Create)
	if err != nil {
		return nil, err
	}
	if err := lockExclusive(sys, f, path); err != nil {
		f.Close()
		return nil, err
	}
	// The previous holder may have removed the file between the open and the
	// lock: what is locked then is a file without a name.
	if err := checkSame(sys, f, path, errOrphaned); err != nil {
		f.Unlock()
		f.Close()
		return nil, err
	}
	return f, nil
}

// lockExclusive locks f, or finds out who prevents it. Readers take the lock
// shared for an instant, so a refusal alone does not say that there is a
// holder; a refused shared lock does.
func lockExclusive(sys System, f File, path string) error {
	for readers, n := 0, 0; ; {
		err := f.TryLock(true)
		if !errors.Is(err, ErrRefused) {
			return err
		}
		switch err := f.TryLock(false); {
		case err == nil:
			if err := f.Unlock(); err != nil {
				return err
			}
			if readers++; readers > maxReaders {
				return fmt.Errorf("%s: readers do not let go of the lock", path)
			}
			sys.Pause(0)
		case errors.Is(err, ErrRefused):
			if err := checkSame(sys, f, path, errOrphaned); err != nil {
				return err
			}
			if pid := holder(sys, f); pid != 0 {
				return &HeldError{Path: path, PID: pid}
			}
			// The holder has not written yet, or is about to leave.
			if !sys.Pause(n) {
				return &HeldError{Path: path}
			}
			n++
		default:
			return err
		}
	}
}

// checkSame returns other when path does not name f.
func checkSame(sys System, f File, path string, other error) error {
	same, err := sys.Same(f, path)
	if err == nil && !same {
		err = other
	}
	return err
}

// record writes first and truncates afterwards: the first line is complete at
// every instant, whatever a dead process left there.
func record(f File, pid int) error {
	line := append(strconv.AppendInt(nil, int64(pid), 10), '\n')
	if _, err := f.WriteAt(line, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(line)))
}

// Check returns nil while the pid file's name still leads to the file that p
// holds. An error matching [ErrLost] says that somebody removed or replaced
// it: others can then become the holder beside this one, and the remedy is to
// release p and to acquire again.
func (p *PIDFile) Check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return fmt.Errorf("%s: %w", p.path, ErrLost)
	}
	if err := checkSame(p.sys, p.file, p.path, ErrLost); err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	return nil
}

// Release removes the pid file, unlocks it and closes it, in this order, so
// that the file never exists without a holder. A name that meanwhile leads to
// another file is left alone, unless it comes to do so between Release's last
// look at it and the removal: no system removes a name on the condition that
// it leads to a certain file, and only somebody who removes a held pid file
// can bring that about. Only the first call does anything; the lock is given
// up even when it returns an error.
func (p *PIDFile) Release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil
	}
	f := p.file
	p.file = nil
	// Truncated, the file names nobody who no longer holds it, even where it
	// cannot be removed and where its name stays until all have closed it.
	// Closing alone would not unlock: a child between fork and exec may still
	// share the open file.
	err := p.remove(f)
	closed := errors.Join(f.Truncate(0), f.Unlock(), f.Close())
	if errors.Is(err, ErrBusy) {
		err = p.removeStale(err)
	}
	return errors.Join(err, closed)
}

// removeStale tries once more to remove the file, now that Release has closed
// it. Whoever kept it from being removed may be gone, and others may have
// come: it is removed only as one that nobody holds. Otherwise busy is the
// error.
func (p *PIDFile) removeStale(busy error) error {
	switch f, err := claim(p.sys, p.path); {
	case err == nil:
		return errors.Join(p.remove(f), f.Unlock(), f.Close())
	case errors.Is(err, ErrHeld), errors.Is(err, errOrphaned):
		return nil // it is somebody else's
	}
	return busy
}

func (p *PIDFile) remove(f File) error {
	for n := 0; ; n++ {
		same, err := p.sys.Same(f, p.path)
		if err != nil || !same {
			return err
		}
		err = p.sys.Remove(p.path)
		if !errors.Is(err, ErrBusy) || !p.sys.Pause(n) {
			return err
		}
	}
}
