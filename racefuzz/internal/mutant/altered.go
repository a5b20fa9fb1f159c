package mutant

import "github.com/memlatch/memlatch/lock"

// altered is a system with some operations replaced: those that are not nil.
type altered struct {
	lock.System
	open   func(path string, mode lock.Mode) (lock.File, error)
	same   func(f lock.File, path string) (bool, error)
	remove func(path string) error
	holds  func(f lock.File, pid int) bool
	pause  func(n int) bool

	tryLock  func(f lock.File, exclusive bool) error
	unlock   func(f lock.File) error
	readAt   func(f lock.File, p []byte, off int64) (int, error)
	writeAt  func(f lock.File, p []byte, off int64) (int, error)
	truncate func(f lock.File, size int64) error
	close    func(f lock.File) error
}

// alteredFile is an open file of an altered system.
type alteredFile struct {
	lock.File
	sys *altered
}

func (s *altered) Open(path string, mode lock.Mode) (lock.File, error) {
	open := s.System.Open
	if s.open != nil {
		open = s.open
	}
	f, err := open(path, mode)
	if err != nil {
		return nil, err
	}
	return alteredFile{f, s}, nil
}

func (s *altered) Same(f lock.File, path string) (bool, error) {
	if s.same != nil {
		return s.same(f.(alteredFile).File, path)
	}
	return s.System.Same(f.(alteredFile).File, path)
}

func (s *altered) Remove(path string) error {
	if s.remove != nil {
		return s.remove(path)
	}
	return s.System.Remove(path)
}

func (s *altered) Holds(f lock.File, pid int) bool {
	if s.holds != nil {
		return s.holds(f.(alteredFile).File, pid)
	}
	return s.System.Holds(f.(alteredFile).File, pid)
}

func (s *altered) Pause(n int) bool {
	if s.pause != nil {
		return s.pause(n)
	}
	return s.System.Pause(n)
}

func (f alteredFile) TryLock(exclusive bool) error {
	if f.sys.tryLock != nil {
		return f.sys.tryLock(f.File, exclusive)
	}
	return f.File.TryLock(exclusive)
}

func (f alteredFile) Unlock() error {
	if f.sys.unlock != nil {
		return f.sys.unlock(f.File)
	}
	return f.File.Unlock()
}

func (f alteredFile) ReadAt(p []byte, off int64) (int, error) {
	if f.sys.readAt != nil {
		return f.sys.readAt(f.File, p, off)
	}
	return f.File.ReadAt(p, off)
}

func (f alteredFile) WriteAt(p []byte, off int64) (int, error) {
	if f.sys.writeAt != nil {
		return f.sys.writeAt(f.File, p, off)
	}
	return f.File.WriteAt(p, off)
}

func (f alteredFile) Truncate(size int64) error {
	if f.sys.truncate != nil {
		return f.sys.truncate(f.File, size)
	}
	return f.File.Truncate(size)
}

func (f alteredFile) Close() error {
	if f.sys.close != nil {
		return f.sys.close(f.File)
	}
	return f.File.Close()
}
