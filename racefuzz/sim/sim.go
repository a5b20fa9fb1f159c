// Package sim is a file system in memory on which pid files are tried out: a
// [lock.System] for any number of processes, under the rules of POSIX systems
// or of Windows.
//
// Time does not pass here. What a process waits for is another process's
// move, and a [Process] that is waiting says so with [Process.Parked].
package sim

import (
	"os"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/race"
)

// Rules says whose file system is played.
type Rules int

const (
	// POSIX is Linux on a local disk: names go at once, the inode number of
	// a closed file is given to the next one, locks are those of flock(2).
	POSIX Rules = iota
	// Windows is Windows 10 and later on NTFS: names go at once when all who
	// have the file open share its deletion, locks keep others from the
	// locked bytes.
	Windows
	// WindowsLegacy is Windows on other file systems: the name of a removed
	// file stays until the last handle is closed, and nobody can open it.
	WindowsLegacy
	// Wine is as WindowsLegacy, but others can still open the file.
	Wine
)

// ParseRules is the inverse of [Rules.String].
func ParseRules(name string) (Rules, bool) { panic("sim: not written yet") }

// String returns "posix", "windows", "windows-legacy" or "wine".
func (r Rules) String() string { panic("sim: not written yet") }

// FS is one directory, its files, and the processes that use it. It may be
// used from several goroutines.
type FS struct{ rules Rules }

// New returns an empty file system.
func New(rules Rules) *FS { return &FS{rules: rules} }

// Reset removes all files and processes. No earlier Process or open file may
// be used afterwards.
func (s *FS) Reset() { panic("sim: not written yet") }

// Setup creates files as they are: it replaces nothing in their content. A
// name must be new, and the directory in it must come first.
func (s *FS) Setup(files []race.File) error { panic("sim: not written yet") }

// Process starts a process and returns its view of the file system. Several
// may have the same id, as in different containers; a process started after
// another one's death may get its id again.
func (s *FS) Process(pid int) *Process { panic("sim: not written yet") }

// Stranger starts a process that belongs to somebody else and does nothing.
func (s *FS) Stranger(pid int) { panic("sim: not written yet") }

// Content returns what a plain reader of name finds, following links. It is
// false where there is no file or where it cannot be read, for instance
// because a lock lies on its content.
func (s *FS) Content(name string) (string, bool) { panic("sim: not written yet") }

// Holder returns the ids of those who hold a lock on the file that name leads
// to, in ascending order, and whether they share it.
func (s *FS) Holder(name string) (pids []int, shared bool) { panic("sim: not written yet") }

// Names returns all names in order, of directories too.
func (s *FS) Names() []string { panic("sim: not written yet") }

// Fingerprint is equal for states with the same future: files, locks, open
// files and processes, as far as any later call can tell them apart.
func (s *FS) Fingerprint() uint64 { panic("sim: not written yet") }

// Process is a process's view of an [FS]. It implements [lock.System] and
// [Raw].
type Process struct {
	fs  *FS
	pid int
}

var _ Raw = (*Process)(nil)

// Raw is what programs do besides what the pid file asks of a system. It
// speaks in types of the standard library, so that others can declare the
// part which they need.
type Raw interface {
	lock.System

	// OpenFile is [os.OpenFile] with flag a combination of os.O_RDONLY,
	// os.O_WRONLY, os.O_RDWR, os.O_CREATE, os.O_EXCL and os.O_TRUNC. It follows links, takes
	// any file that is one, and under Windows rules does not share its deletion:
	// until it is closed, Remove fails with lock.ErrBusy. Existing names with
	// O_EXCL are an error matching [os.ErrExist].
	OpenFile(path string, flag int) (lock.File, error)

	// Rename is [os.Rename]: it replaces a file that has the new name.
	Rename(oldpath, newpath string) error

	// Link is [os.Link]: it gives a file another name, which must be new.
	Link(oldpath, newpath string) error

	// Signal is kill(pid, 0): nil, [os.ErrProcessDone] where there is no such
	// process, or [os.ErrPermission] where it is somebody else's.
	Signal(pid int) error

	// Alive reports whether there is a process pid.
	Alive(pid int) bool
}

// RangeLocker is what a [lock.File] of a Process has besides: locks on any
// bytes, as LockFileEx takes them. Under POSIX rules they are an error
// matching [errors.ErrUnsupported]. Others can neither read nor write bytes
// that are locked exclusively, nor write those that are locked shared.
type RangeLocker interface {
	TryLockRange(off, n int64, exclusive bool) error // lock.ErrRefused as TryLock
	UnlockRange(off, n int64) error
}

// Die ends the process as a kill does: the system closes its files and gives
// its locks up, and no clean-up of its own runs. Afterwards its calls fail
// and change nothing.
func (p *Process) Die() { panic("sim: not written yet") }

// Parked reports whether p is waiting: it was refused or found a file busy,
// called Pause, and nobody else has changed anything since. Its next call
// can be made nevertheless; that is how time passes when nobody else can move.
func (p *Process) Parked() bool { panic("sim: not written yet") }

func (p *Process) Open(path string, mode lock.Mode) (lock.File, error) {
	panic("sim: not written yet")
}
func (p *Process) OpenFile(path string, flag int) (lock.File, error) { panic("sim: not written yet") }
func (p *Process) Same(f lock.File, path string) (bool, error)       { panic("sim: not written yet") }
func (p *Process) Remove(path string) error                          { panic("sim: not written yet") }
func (p *Process) Rename(oldpath, newpath string) error              { panic("sim: not written yet") }
func (p *Process) Link(oldpath, newpath string) error                { panic("sim: not written yet") }
func (p *Process) PID() int                                          { return p.pid }
func (p *Process) Holds(f lock.File, pid int) bool                   { panic("sim: not written yet") }
func (p *Process) Pause(n int) bool                                  { panic("sim: not written yet") }
func (p *Process) Signal(pid int) error                              { panic("sim: not written yet") }
func (p *Process) Alive(pid int) bool                                { panic("sim: not written yet") }

var _ = os.ErrExist
