package stage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"syscall"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// seam is the system that an actor's protocol runs on: every call is a step,
// and waits for the actor's turn. Pause is none: an actor that waits is not
// given a turn before it makes sense.
type seam struct{ *actor }

var _ mutant.Raw = seam{}

// file is an open file of an actor, which remembers its locks.
type file struct {
	lock.File
	actor     *actor
	inode     int // which of the files it is that the pid file's name has meant; 0 for others
	exclusive bool
	shared    bool
}

// errDead is what the calls of an actor return that has ended, for what it
// has deferred.
var errDead = errors.New("the process has ended")

// call makes one step: do, or the fault that befalls it.
func (a *actor) call(op, detail string, do func() error) error {
	if a.dead {
		return errDead
	}
	a.turn(op, detail)
	err := a.injected()
	if err == nil {
		err = do()
	}
	a.did(a.outcome(err))
	return err
}

// injected returns the error that the scheduler has chosen for this step.
func (a *actor) injected() error {
	if a.fault == race.NoFault {
		return nil
	}
	for _, f := range faults {
		if a.fault == f.fault {
			return &fs.PathError{Op: a.op, Path: race.PIDFile, Err: f.err}
		}
	}
	return fmt.Errorf("%s", a.fault)
}

func (a *actor) outcome(err error) string {
	if a.fault != race.NoFault {
		return string(a.fault)
	}
	return outcome(err)
}

func (s seam) Open(path string, mode lock.Mode) (lock.File, error) {
	return s.open("open", path, func() (lock.File, error) { return s.process.Open(path, mode) })
}

func (s seam) OpenFile(path string, flag int) (lock.File, error) {
	return s.open("open", path, func() (lock.File, error) { return s.process.OpenFile(path, flag) })
}

func (s seam) open(op, path string, open func() (lock.File, error)) (lock.File, error) {
	f := &file{actor: s.actor}
	err := s.call(op, path, func() (err error) {
		f.File, err = open()
		return err
	})
	if errors.Is(err, errBlocks) {
		s.stuck = true
		s.turn("wait", path)
	}
	if err != nil {
		return nil, err
	}
	if path == race.PIDFile {
		f.inode = s.run.named()
	}
	s.files = append(s.files, f)
	return f, nil
}

func (s seam) Same(f lock.File, path string) (same bool, err error) {
	if s.dead {
		return false, errDead
	}
	s.turn("same", path)
	if err = s.injected(); err == nil {
		same, err = s.process.Same(f.(*file).File, path)
	}
	if err != nil {
		s.did(s.outcome(err))
		return false, err
	}
	s.did(yes(same))
	return same, nil
}

func (s seam) Holds(f lock.File, pid int) bool {
	if s.dead {
		return false
	}
	s.turn("holds", strconv.Itoa(pid))
	holds := s.fault == race.NoFault && s.process.Holds(f.(*file).File, pid)
	s.did(yes(holds))
	return holds
}

func (s seam) Remove(path string) error {
	return s.call("remove", path, func() error { return s.process.Remove(path) })
}

func (s seam) Signal(pid int) error {
	return s.call("signal", strconv.Itoa(pid), func() error {
		err := s.process.Signal(pid)
		if err == nil && pid != s.pid && s.run.c.Options[OptionUsers] == "each" {
			return fs.ErrPermission
		}
		return err
	})
}

func (s seam) PID() int { return s.pid }

func (s seam) Pause(n int) bool {
	if s.dead || !s.process.Pause(n) {
		return false
	}
	s.wait()
	return true
}

func (f *file) TryLock(exclusive bool) error {
	op := "share"
	if exclusive {
		op = "lock"
	}
	f.actor.tries()
	return f.actor.call(op, "", func() error {
		err := f.File.TryLock(exclusive)
		f.locked(exclusive, err)
		return err
	})
}

// locked notes what became of a try to lock. flock gives the lock up that it
// cannot convert.
func (f *file) locked(exclusive bool, err error) {
	switch {
	case err == nil:
		f.holds(exclusive, !exclusive)
	case errors.Is(err, lock.ErrRefused):
		f.holds(false, false)
	}
}

// holds notes which lock the file has, if any.
func (f *file) holds(exclusive, shared bool) {
	fact := judge.Fact{Kind: judge.Unlocks, Object: f.inode}
	if exclusive {
		fact.Kind = judge.Locks
	}
	if exclusive != f.exclusive {
		f.actor.run.see(f.actor, fact)
	}
	f.exclusive, f.shared = exclusive, shared
}

// tries notes that the actor's protocol goes by locks.
func (a *actor) tries() {
	if !a.tried {
		a.tried = true
		a.run.see(a, judge.Fact{Kind: judge.Tries})
	}
}

func (f *file) Unlock() error {
	return f.actor.call("unlock", "", func() error {
		f.holds(false, false)
		return f.File.Unlock()
	})
}

func bytes(off, n int64) string { return fmt.Sprintf("bytes %d to %d", off, off+n-1) }

// TryLockRange implements [mutant.RangeLocker] where the world does.
func (f *file) TryLockRange(off, n int64, exclusive bool) error {
	r, ok := f.File.(mutant.RangeLocker)
	if !ok {
		return errors.ErrUnsupported
	}
	f.actor.tries()
	return f.actor.call("lock", bytes(off, n), func() error {
		err := r.TryLockRange(off, n, exclusive)
		f.locked(exclusive, err)
		return err
	})
}

func (f *file) UnlockRange(off, n int64) error {
	return f.actor.call("unlock", bytes(off, n), func() error {
		f.holds(false, false)
		return f.File.(mutant.RangeLocker).UnlockRange(off, n)
	})
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	a := f.actor
	if a.dead {
		return 0, errDead
	}
	a.turn("read", "")
	if err = a.injected(); err == nil {
		n, err = f.File.ReadAt(p, off)
	}
	if err != nil && err != io.EOF {
		a.did(a.outcome(err))
	} else {
		a.did(strconv.Quote(string(p[:n])))
	}
	return n, err
}

// WriteAt writes half of p where there is no room for more.
func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	a := f.actor
	if a.dead {
		return 0, errDead
	}
	a.turn("write", strconv.Quote(string(p)))
	fault := a.injected()
	if a.fault == short {
		p = p[:len(p)/2]
	}
	if fault == nil || a.fault == short {
		n, err = f.File.WriteAt(p, off)
	}
	if fault != nil {
		err = fault
	}
	a.did(a.outcome(err))
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.actor.call("truncate", strconv.FormatInt(size, 10), func() error { return f.File.Truncate(size) })
}

// Close closes the file even where a fault makes it report an error, as the
// systems do.
func (f *file) Close() error {
	a := f.actor
	if a.dead {
		return errDead
	}
	a.turn("close", "")
	err := f.File.Close()
	f.holds(false, false)
	a.files = slices.DeleteFunc(a.files, func(g *file) bool { return g == f })
	if fault := a.injected(); fault != nil {
		err = fault
	}
	a.did(a.outcome(err))
	return err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// outcome says in a word or two what came of a call.
func outcome(err error) string {
	var path *fs.PathError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, lock.ErrRefused), errors.Is(err, lock.ErrHeld):
		return "refused"
	case errors.Is(err, lock.ErrBusy):
		return "busy"
	case errors.Is(err, lock.ErrLost):
		return "lost"
	case errors.Is(err, fs.ErrNotExist):
		return "ENOENT"
	case errors.Is(err, fs.ErrExist):
		return "EEXIST"
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return err.Error()
}

// short is a full disk that has room for a part of what is written.
const short race.Fault = "fail short"

// families are those of the calls that the operations stand for.
var families = map[string]syscalls.Family{
	"open": syscalls.Opening, "lock": syscalls.Locking, "share": syscalls.Locking, "unlock": syscalls.Unlocking, "same": syscalls.Looking, "read": syscalls.Reading,
	"write": syscalls.Writing, "truncate": syscalls.Truncating, "remove": syscalls.Removing, "close": syscalls.Closing,
}

// fault is an error that calls of some families can be made to fail with.
type fault struct {
	fault race.Fault
	err   error
	of    syscalls.Family
}

// faults are the errors that calls fail with in life, and what only this tier
// knows: a file that another has open under Windows, and a write of a part.
var faults = func() (all []fault) {
	for _, f := range syscalls.Failures {
		all = append(all, fault{race.Fault("fail " + f.Name), f.Errno, f.Of})
	}
	return append(all, fault{"fail busy", lock.ErrBusy, syscalls.Opening | syscalls.Removing}, fault{short, syscall.ENOSPC, syscalls.Writing})
}()
