package sim

import (
	"io/fs"
	"os"
	"slices"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Process is a process's view of an [FS]: a [lock.System], and what programs
// do besides. Under the rules of Windows its open files have two methods
// more, for locks on any bytes as LockFileEx takes them:
//
//	TryLockRange(off, n int64, exclusive bool) error
//	UnlockRange(off, n int64) error
//
// Others can neither read nor write bytes that are locked exclusively, and
// nobody can write those that are locked shared.
type Process struct {
	fs      *FS
	pid     int
	foreign bool
	started uint64 // by the clock
	dead    bool
	files   []*file // those that are open, in the order in which they were opened
	waiting bool    // has called Pause last
	seen    uint64  // what has changed when it was last refused, its own changes included
}

// tries is the number of times that a process waits before it gives up.
const tries = 2

// enter begins every call but the scheduler's: the process waits no longer.
func (p *Process) enter() error {
	p.fs.mu.Lock()
	p.waiting = false
	if p.dead {
		return errDied
	}
	return nil
}

func (p *Process) leave() { p.fs.mu.Unlock() }

// changed tells those who wait that it may be worth another try.
func (p *Process) changed() {
	p.fs.changes++
	p.seen++
}

// Open implements [lock.System].
func (p *Process) Open(path string, mode lock.Mode) (lock.File, error) {
	defer p.leave()
	err := p.enter()
	if err == nil {
		var number int
		p.seen = p.fs.changes
		if number, err = p.find(path, mode); err == nil {
			return p.open(path, number, true, mode == lock.Create, true), nil
		}
	}
	return nil, pathError("open", path, p.fs.rules.passing(err))
}

// find returns the number of the file at path, which it creates if that is
// what mode says.
func (p *Process) find(path string, mode lock.Mode) (int, error) {
	e, err := p.fs.lookup(path)
	switch {
	case err != nil:
		return 0, err
	case e != nil:
		return e.number, p.fs.usable(e, mode)
	case mode == lock.Read:
		return 0, fs.ErrNotExist
	}
	return p.create(path)
}

func (p *Process) create(path string) (int, error) {
	if err := p.fs.checkParent(path, true); err != nil {
		return 0, err
	}
	p.changed()
	return p.fs.create(path, race.Regular, 0o600), nil
}

// usable says why the pid file refuses e, in the order in which lock.OS asks.
func (s *FS) usable(e *entry, mode lock.Mode) error {
	n := &s.inodes[e.number]
	switch {
	case e.pending && s.rules == WindowsLegacy:
		return fs.ErrPermission
	case n.kind == race.Link:
		return errLink
	case n.kind == race.Dir && mode == lock.Create && s.rules == POSIX:
		return errIsDir
	}
	if err := s.permit(n, true, mode == lock.Create); err != nil {
		return err
	}
	switch {
	case n.kind != race.Regular:
		return errNotRegular
	case mode == lock.Create && n.links > 1:
		return errNames
	}
	return nil
}

func (s *FS) permit(n *inode, read, write bool) error {
	if read && !s.rules.readable(n.perm) || write && !s.rules.writable(n.perm) {
		return fs.ErrPermission
	}
	return nil
}

func (p *Process) open(path string, number int, read, write, share bool) *file {
	n := &p.fs.inodes[number]
	n.opens++
	if !share {
		n.keepers++
	}
	f := &file{process: p, path: path, number: number, read: read, write: write, share: share}
	p.files = append(p.files, f)
	return f
}

// OpenFile is [os.OpenFile], flag being a combination of os.O_RDONLY,
// os.O_WRONLY, os.O_RDWR, os.O_CREATE, os.O_EXCL and os.O_TRUNC. It follows
// links, opens files that have other names, and under the rules of Windows
// does not share the file's deletion: until it is closed, Remove fails with
// an error matching [lock.ErrBusy].
func (p *Process) OpenFile(path string, flag int) (lock.File, error) {
	defer p.leave()
	if err := p.enter(); err != nil {
		return nil, pathError("open", path, err)
	}
	p.seen = p.fs.changes
	number, err := p.resolve(path, flag)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	read, write := flag&os.O_WRONLY == 0, flag&(os.O_WRONLY|os.O_RDWR) != 0
	if flag&os.O_TRUNC != 0 && len(p.fs.inodes[number].content) > 0 {
		p.resize(number, 0)
	}
	return p.open(path, number, read, write, false), nil
}

// resolve returns the number of the file that path leads to, which it creates
// if that is asked for.
func (p *Process) resolve(path string, flag int) (int, error) {
	s := p.fs
	name, e, err := s.follow(path)
	if flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL {
		if e, err = s.lookup(path); e != nil {
			return 0, fs.ErrExist
		}
	}
	switch {
	case err != nil:
		return 0, err
	case e == nil && flag&os.O_CREATE == 0:
		return 0, fs.ErrNotExist
	case e == nil:
		return p.create(name)
	}
	n := &s.inodes[e.number]
	write := flag&(os.O_WRONLY|os.O_RDWR|os.O_TRUNC) != 0
	switch {
	case e.pending && s.rules == WindowsLegacy:
		return 0, fs.ErrPermission
	case n.kind == race.Dir && (write || flag&os.O_CREATE != 0):
		return 0, errIsDir
	case n.kind == race.FIFO && flag&os.O_RDWR == 0:
		return 0, errWouldBlock
	}
	return e.number, s.permit(n, flag&os.O_WRONLY == 0, write)
}

// PID implements [lock.System].
func (p *Process) PID() int { return p.pid }

// Holds implements [lock.System]: exactly, as Linux can tell, or by whether a
// process pid lives that started before the file was written.
func (p *Process) Holds(f lock.File, pid int) bool {
	defer p.leave()
	if p.enter() != nil {
		return false
	}
	n := &p.fs.inodes[f.(*file).number]
	if p.fs.rules == POSIX {
		return slices.ContainsFunc(n.locks, func(l heldLock) bool { return l.exclusive && l.file.process.pid == pid })
	}
	return slices.ContainsFunc(p.fs.processes, func(q *Process) bool { return q.pid == pid && q.started <= n.written })
}

// Pause implements [lock.System]. It returns at once; that the process waits
// is for the scheduler to see, see [Process.Parked].
func (p *Process) Pause(n int) bool {
	defer p.leave()
	if p.enter() != nil || n >= tries {
		return false
	}
	p.waiting = true
	return true
}

// Parked reports whether p is waiting: it was refused or found a file busy,
// called Pause, and since then nobody else has changed anything. Its next call
// can be made nevertheless; that is how time passes when nobody else can move.
func (p *Process) Parked() bool {
	defer p.leave()
	p.fs.mu.Lock()
	return p.waiting && !p.dead && p.seen == p.fs.changes
}

// Signal is kill(pid, 0): nil, [os.ErrProcessDone] where there is no such
// process, or [os.ErrPermission] where it is another user's.
func (p *Process) Signal(pid int) error {
	defer p.leave()
	if err := p.enter(); err != nil {
		return err
	}
	for _, q := range p.fs.processes {
		if q.pid == pid {
			if q.foreign {
				return os.ErrPermission
			}
			return nil
		}
	}
	return os.ErrProcessDone
}

// Die ends the process as a kill does: the system closes its files and gives
// its locks up, and no clean-up of its own runs. Afterwards its calls fail
// and change nothing.
func (p *Process) Die() {
	defer p.leave()
	if p.enter() != nil {
		return
	}
	for len(p.files) > 0 {
		p.files[0].close()
	}
	p.dead = true
	p.fs.processes = slices.DeleteFunc(p.fs.processes, func(q *Process) bool { return q == p })
	p.changed()
}
