package sim

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// file is an open file of a process.
type file struct {
	process     *Process
	path        string
	number      int // the identity; its inode is this file's while it is open
	read, write bool
	share       bool // lets others remove the file
	closed      bool
}

// heldLock is a lock on the bytes from off to before end.
type heldLock struct {
	file      *file
	off, end  int64
	exclusive bool
}

// lockOffset is the byte that lock.OS locks on Windows.
const lockOffset = 1 << 62

// enter begins every call: it returns the file's inode.
func (f *file) enter() (*inode, error) {
	if err := f.process.enter(); err != nil {
		return nil, err
	}
	if f.closed {
		return nil, errBadFile
	}
	return &f.process.fs.inodes[f.number], nil
}

func (f *file) leave() { f.process.leave() }

func (f *file) TryLock(exclusive bool) error {
	if f.process.fs.rules == POSIX {
		return f.flock(exclusive)
	}
	return f.TryLockRange(lockOffset, 1, exclusive)
}

// flock converts a lock as Linux does: it gives the old one up first, and does
// not get it back when the new one is refused.
func (f *file) flock(exclusive bool) error {
	defer f.leave()
	n, err := f.enter()
	if err != nil {
		return pathError("flock", f.path, err)
	}
	if i := n.lockOf(f); i >= 0 {
		if n.locks[i].exclusive == exclusive {
			return nil
		}
		f.drop(n, i)
	}
	return f.take(n, heldLock{f, 0, math.MaxInt64, exclusive})
}

// TryLockRange is refused as TryLock is. Under POSIX rules it is an error
// matching [errors.ErrUnsupported].
func (f *file) TryLockRange(off, length int64, exclusive bool) error {
	defer f.leave()
	n, err := f.enter()
	if err == nil && f.process.fs.rules == POSIX {
		err = errors.ErrUnsupported
	}
	if err != nil {
		return pathError("LockFileEx", f.path, err)
	}
	return f.take(n, heldLock{f, off, off + length, exclusive})
}

func (f *file) take(n *inode, l heldLock) error {
	for _, other := range n.locks {
		compatible := !l.exclusive && (!other.exclusive || other.file == f)
		if !compatible && other.overlaps(l.off, l.end) {
			f.process.seen = f.process.fs.changes
			return lock.ErrRefused
		}
	}
	n.locks = append(n.locks, l)
	return nil
}

func (l heldLock) overlaps(off, end int64) bool { return l.off < end && off < l.end }

func (f *file) Unlock() error {
	if f.process.fs.rules != POSIX {
		return f.UnlockRange(lockOffset, 1)
	}
	defer f.leave()
	n, err := f.enter()
	if err != nil {
		return pathError("flock", f.path, err)
	}
	if i := n.lockOf(f); i >= 0 {
		f.drop(n, i)
	}
	return nil
}

// UnlockRange takes back one lock on exactly this range, the exclusive one
// first, which is always the older.
func (f *file) UnlockRange(off, length int64) error {
	defer f.leave()
	n, err := f.enter()
	if err != nil {
		return pathError("UnlockFileEx", f.path, err)
	}
	i := slices.IndexFunc(n.locks, func(l heldLock) bool { return l.file == f && l.off == off && l.end == off+length })
	if i < 0 {
		return pathError("UnlockFileEx", f.path, errNotLocked)
	}
	f.drop(n, i)
	return nil
}

func (n *inode) lockOf(f *file) int {
	return slices.IndexFunc(n.locks, func(l heldLock) bool { return l.file == f })
}

func (f *file) drop(n *inode, i int) {
	n.locks = slices.Delete(n.locks, i, i+1)
	f.process.changed()
}

// barred reports whether locks keep f, or with nil a stranger, from reading or
// writing the bytes from off to before end.
func (n *inode) barred(f *file, off, end int64, write bool) bool {
	return slices.ContainsFunc(n.locks, func(l heldLock) bool {
		allowed := l.exclusive && l.file == f || !l.exclusive && !write
		return !allowed && l.overlaps(off, end)
	})
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	defer f.leave()
	n, err := f.enter()
	if err == nil {
		err = f.check(n, f.read, off, len(p), false)
	}
	if err != nil {
		return 0, pathError("read", f.path, err)
	}
	done := copy(p, n.content[min(off, int64(len(n.content))):])
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	defer f.leave()
	n, err := f.enter()
	if err == nil {
		err = f.check(n, f.write, off, len(p), true)
	}
	if err != nil {
		return 0, pathError("write", f.path, err)
	}
	if end := off + int64(len(p)); end > int64(len(n.content)) {
		f.process.resize(f.number, end)
	}
	f.process.wrote(n)
	return copy(n.content[off:], p), nil
}

// check says why length bytes at off must not be read or written.
func (f *file) check(n *inode, opened bool, off int64, length int, write bool) error {
	s := f.process.fs
	switch {
	case !opened && s.rules == POSIX:
		return errBadFile
	case !opened:
		return fs.ErrPermission
	case n.kind == race.Dir:
		return errIsDir
	case s.rules.mandatory() && n.barred(f, off, off+int64(length), write):
		return errLocked
	}
	return nil
}

func (f *file) Truncate(size int64) error {
	defer f.leave()
	_, err := f.enter()
	switch {
	case err != nil:
	case !f.write && f.process.fs.rules == POSIX:
		err = errInvalid
	case !f.write:
		err = fs.ErrPermission
	default:
		f.process.resize(f.number, size)
		return nil
	}
	return pathError("truncate", f.path, err)
}

// resize cuts a file or fills it up with zero bytes.
func (p *Process) resize(number int, size int64) {
	n := &p.fs.inodes[number]
	for int64(len(n.content)) < size {
		n.content = append(n.content, 0)
	}
	n.content = n.content[:size]
	p.wrote(n)
}

func (p *Process) wrote(n *inode) {
	p.fs.clock++
	n.written = p.fs.clock
	p.changed()
}

func (f *file) Close() error {
	defer f.leave()
	if _, err := f.enter(); err != nil {
		return pathError("close", f.path, err)
	}
	f.close()
	return nil
}

func (f *file) close() {
	p, n := f.process, &f.process.fs.inodes[f.number]
	f.closed = true
	p.files = slices.DeleteFunc(p.files, func(g *file) bool { return g == f })
	n.locks = slices.DeleteFunc(n.locks, func(l heldLock) bool { return l.file == f })
	n.opens--
	if !f.share {
		n.keepers--
	}
	p.fs.settle(f.number)
	p.changed()
}
