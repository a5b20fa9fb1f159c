//go:build unix || windows

package mutant

import (
	"os"

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
