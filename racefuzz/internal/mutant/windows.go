package mutant

import (
	"errors"
	"os"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// sharing are the protocols that open files as most programs do, which under
// Windows keeps everybody from removing them.
var sharing = []Protocol{
	{
		Name:   "unlink-while-open",
		Bug:    "the file is open without FILE_SHARE_DELETE when release removes it, which fails always",
		Source: "memtomem before #818",
		Breaks: []race.Invariant{race.NothingRemains},
		Tiers:  "mkp",
		Rules:  "windows",
		Alone:  true,
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(unshared(sys), path)
		},
	},
	{
		Name:   "close-then-unlink",
		Bug:    "without FILE_SHARE_DELETE release closes before it removes: whoever opens the file in between makes the removal fail",
		Source: "memtomem#818's own fix",
		Breaks: []race.Invariant{race.NothingRemains},
		Tiers:  "mkp",
		Rules:  "windows",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			var held lock.File
			open := unshared(sys)
			open.same = func(f lock.File, path string) (bool, error) {
				held = f
				return sys.Same(f, path)
			}
			h, err := acquire(open, path)
			if err != nil {
				return nil, err
			}
			return &closesFirst{h, sys, path, held}, nil
		},
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			return lock.ProbeOn(unshared(sys), path)
		},
	},
	{
		Name:   "locks-the-content",
		Bug:    "the locked byte lies in the pid, which nobody can read then",
		Source: "memtomem#819, gofrs/flock#41",
		Breaks: []race.Invariant{race.ReadersFindTheHolder},
		Tiers:  "mkp",
		Rules:  "windows",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			open := unshared(sys)
			open.tryLock = func(f lock.File, exclusive bool) error {
				if r, ok := f.(RangeLocker); ok {
					return r.TryLockRange(0, 1, exclusive)
				}
				return errors.ErrUnsupported
			}
			open.unlock = func(f lock.File) error { return f.(RangeLocker).UnlockRange(0, 1) }
			return acquire(open, path)
		},
	},
}

// closesFirst is a holder that closes its file before it removes it.
type closesFirst struct {
	Holder
	sys  lock.System
	path string
	file lock.File
}

func (h *closesFirst) Release() error {
	return errors.Join(h.file.Unlock(), h.file.Close(), h.sys.Remove(h.path))
}

// unshared is sys with files opened as [os.OpenFile] does.
func unshared(sys lock.System) *altered {
	return &altered{System: sys, open: func(path string, mode lock.Mode) (lock.File, error) {
		if mode == lock.Create {
			return openFile(sys, path, os.O_RDWR|os.O_CREATE)
		}
		return openFile(sys, path, os.O_RDONLY)
	}}
}
