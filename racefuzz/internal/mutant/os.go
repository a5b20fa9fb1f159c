//go:build unix || windows

package mutant

import (
	"os"
	"sync"

	"github.com/memlatch/memlatch/lock"
)

// OS is the running operating system as a [Raw].
type OS struct{ lock.OS }

// rawFile is a file that OpenFile opened. Its lock is the same as that of a
// file which [lock.OS] opened. Windows has [RangeLocker] besides.
type rawFile struct{ *os.File }

// OpenFile implements [Raw]. A new file is readable by its owner alone.
func (OS) OpenFile(path string, flag int) (lock.File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return rawFile{f}, nil
}

// Same is that of [lock.OS].
func (s OS) Same(f lock.File, path string) (bool, error) {
	raw, ok := f.(rawFile)
	if !ok {
		return s.OS.Same(f, path)
	}
	open, err := raw.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return false, nil
	}
	return err == nil && os.SameFile(open, named), err
}

// Holds is that of [lock.OS]. Of a file that OpenFile opened it knows nothing.
func (s OS) Holds(f lock.File, pid int) bool {
	if _, ok := f.(rawFile); ok {
		return false
	}
	return s.OS.Holds(f, pid)
}

// Unshared is [OS] with a rule of Windows, as far as one process can play it:
// what OpenFile opened cannot be removed until it is closed.
type Unshared struct {
	OS
	mu   sync.Mutex
	open map[string]int // files by path
}

// OpenFile implements [Raw], for regular files.
func (s *Unshared) OpenFile(path string, flag int) (lock.File, error) {
	mode := lock.Read
	if flag&os.O_CREATE != 0 {
		mode = lock.Create
	}
	f, err := s.Open(path, mode)
	if err != nil {
		return nil, err
	}
	s.count(path, 1)
	return unsharedFile{f, s, path}, nil
}

// count adds change to the open files at path and returns their number.
func (s *Unshared) count(path string, change int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]int{}
	}
	s.open[path] += change
	return s.open[path]
}

// Remove fails with [lock.ErrBusy] for a file that is open.
func (s *Unshared) Remove(path string) error {
	if s.count(path, 0) > 0 {
		return &os.PathError{Op: "remove", Path: path, Err: lock.ErrBusy}
	}
	return s.OS.Remove(path)
}

// Same is that of [lock.OS].
func (s *Unshared) Same(f lock.File, path string) (bool, error) {
	return s.OS.OS.Same(f.(unsharedFile).File, path)
}

// Holds is that of [lock.OS].
func (s *Unshared) Holds(f lock.File, pid int) bool {
	return s.OS.OS.Holds(f.(unsharedFile).File, pid)
}

type unsharedFile struct {
	lock.File
	sys  *Unshared
	path string
}

func (f unsharedFile) Close() error {
	f.sys.count(f.path, -1)
	return f.File.Close()
}
