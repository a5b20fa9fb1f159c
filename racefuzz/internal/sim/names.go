package sim

import (
	"errors"
	"io/fs"
	"os"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Same implements [lock.System]. Identity is a number that is used again once
// the file is gone: it means nothing for a file that has been closed.
func (p *Process) Same(f lock.File, path string) (bool, error) {
	defer p.leave()
	if err := p.enter(); err != nil {
		return false, pathError("lstat", path, err)
	}
	e, err := p.fs.lookup(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, pathError("lstat", path, err)
	}
	gone := e == nil || e.pending && p.fs.rules == WindowsLegacy
	return !gone && e.number == f.(*file).number, nil
}

// Remove implements [lock.System].
func (p *Process) Remove(path string) error {
	defer p.leave()
	if err := p.enter(); err != nil {
		return pathError("remove", path, err)
	}
	if err := p.remove(path); err != nil {
		p.seen = p.fs.changes
		return pathError("remove", path, p.fs.rules.passing(err))
	}
	p.changed()
	return nil
}

func (p *Process) remove(path string) error {
	e, err := p.removable(path)
	if err != nil {
		return err
	}
	n := &p.fs.inodes[e.number]
	switch {
	case n.kind == race.Dir && p.fs.rules == POSIX:
		return errIsDir
	case n.kind == race.Dir:
		return fs.ErrPermission
	case p.fs.rules.pends() && n.opens > 0:
		e.pending = true
	default:
		p.fs.unlink(path)
	}
	return nil
}

// removable returns the entry at path unless something forbids that it goes.
func (p *Process) removable(path string) (*entry, error) {
	s := p.fs
	e, err := s.lookup(path)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, fs.ErrNotExist
	case s.rules == POSIX:
		return e, s.checkParent(path, true)
	case e.pending && s.rules == WindowsLegacy:
		return nil, fs.ErrPermission
	case s.inodes[e.number].keepers > 0:
		return nil, errSharing
	case !s.rules.writable(s.inodes[e.number].perm):
		return nil, fs.ErrPermission
	}
	return e, nil
}

// Rename is [os.Rename]: it replaces the file that has the new name, under the
// rules of Windows only one that nobody has open.
func (p *Process) Rename(oldpath, newpath string) error {
	defer p.leave()
	err := p.enter()
	if err == nil {
		err = p.rename(oldpath, newpath)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldpath, New: newpath, Err: err}
	}
	p.changed()
	return nil
}

func (p *Process) rename(oldpath, newpath string) error {
	s := p.fs
	old, err := p.source(oldpath)
	if err == nil && s.rules != POSIX {
		_, err = p.removable(oldpath)
	}
	if err != nil {
		return err
	}
	number := old.number
	target, err := s.lookup(newpath)
	if err != nil || target != nil && target.number == number {
		return err
	}
	if err := errors.Join(s.checkParent(oldpath, true), s.checkParent(newpath, true)); err != nil {
		return err
	}
	if target != nil {
		if s.rules != POSIX && s.inodes[target.number].opens > 0 {
			return fs.ErrPermission
		}
		s.unlink(newpath)
	}
	s.link(newpath, number)
	s.unlink(oldpath)
	return nil
}

// source returns the entry of a file that is to get another name. Nothing here
// moves directories or replaces them.
func (p *Process) source(path string) (*entry, error) {
	e, err := p.fs.lookup(path)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, fs.ErrNotExist
	case e.pending:
		return nil, fs.ErrPermission
	case p.fs.inodes[e.number].kind == race.Dir:
		return nil, fs.ErrPermission
	}
	return e, nil
}

// Link is [os.Link]: it gives a file another name, which must be new.
func (p *Process) Link(oldpath, newpath string) error {
	defer p.leave()
	err := p.enter()
	if err == nil {
		err = p.link(oldpath, newpath)
	}
	if err != nil {
		return &os.LinkError{Op: "link", Old: oldpath, New: newpath, Err: err}
	}
	p.changed()
	return nil
}

func (p *Process) link(oldpath, newpath string) error {
	s := p.fs
	old, err := p.source(oldpath)
	if err != nil {
		return err
	}
	number := old.number
	switch target, err := s.lookup(newpath); {
	case err != nil:
		return err
	case target != nil:
		return fs.ErrExist
	}
	if err := s.checkParent(newpath, true); err != nil {
		return err
	}
	s.link(newpath, number)
	return nil
}
