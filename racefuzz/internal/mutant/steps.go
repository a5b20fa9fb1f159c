package mutant

import (
	"errors"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// steps are the protocols that lock a file and make a step too few, one too
// many, or two in the wrong order.
var steps = []Protocol{
	{
		Name:   "truncate-before-lock",
		Bug:    "opening truncates, so that a start which is then refused has wiped the holder's pid",
		Source: "memtomem#476, daemonize#20, huatuo#583",
		Breaks: []race.Invariant{race.ReadersFindTheHolder},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, open: func(path string, mode lock.Mode) (lock.File, error) {
				f, err := sys.Open(path, mode)
				if err != nil {
					return nil, err
				}
				return orClose(f, f.Truncate(0))
			}}, path)
		},
	},
	{
		Name:   "write-before-lock",
		Bug:    "the pid goes into the file before the lock is asked for",
		Source: "SUSE/rmt#325",
		Breaks: []race.Invariant{race.ReadersFindTheHolder},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, open: func(path string, mode lock.Mode) (lock.File, error) {
				f, err := sys.Open(path, mode)
				if err != nil {
					return nil, err
				}
				return orClose(f, record(f, sys.PID()))
			}}, path)
		},
	},
	{
		Name:   "no-recheck",
		Bug:    "nobody asks after the lock whether the locked file still has its name",
		Source: "memtomem, hermit#423, portalocker#115, lockgate#48",
		Breaks: []race.Invariant{race.OneHolder, race.ReadersFindTheHolder},
		Tiers:  "mks",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			acquired := false
			h, err := acquire(&altered{System: sys, same: func(f lock.File, path string) (bool, error) {
				if !acquired {
					return true, nil
				}
				return sys.Same(f, path)
			}}, path)
			acquired = true
			return h, err
		},
	},
	{
		Name:   "unlock-then-unlink",
		Bug:    "release gives the lock up first and removes by then another's file",
		Source: "simpleflock#2, sevlyar/go-daemon",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges, race.OneHolder},
		Tiers:  "mks",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			var held lock.File
			return acquire(&altered{
				System: sys,
				same: func(f lock.File, path string) (bool, error) {
					held = f
					return sys.Same(f, path)
				},
				remove: func(path string) error {
					held.Unlock()
					return sys.Remove(path)
				},
			}, path)
		},
	},
	{
		Name:   "loser-unlinks",
		Bug:    "a start that is refused cleans up the pid file, which is the holder's",
		Source: "bitcoin#28946, sevlyar/go-daemon",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges, race.OneHolder},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			if errors.Is(err, lock.ErrHeld) {
				sys.Remove(path)
			}
			return h, err
		},
	},
	{
		Name:   "unlink-by-path",
		Bug:    "release removes the name without asking whether it is still its own file",
		Source: "compose-hot-reload#326, rflow#59",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges},
		Tiers:  "mks",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			acquired := false
			h, err := acquire(&altered{System: sys, same: func(f lock.File, path string) (bool, error) {
				if acquired {
					return true, nil
				}
				return sys.Same(f, path)
			}}, path)
			acquired = true
			return h, err
		},
	},
	{
		Name:   "late-signal-cleanup",
		Bug:    "the signal handler stays armed after the clean-up and cleans up once more, after a successor",
		Source: "memtomem",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges},
		Tiers:  "mp",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			if err != nil {
				return nil, err
			}
			return &cleansTwice{Holder: h, sys: sys, path: path}, nil
		},
	},
}

// cleansTwice releases, and at each later call removes what it finds.
type cleansTwice struct {
	Holder
	sys      lock.System
	path     string
	released bool
}

func (h *cleansTwice) Release() error {
	if h.released {
		return h.sys.Remove(h.path)
	}
	h.released = true
	return h.Holder.Release()
}

// orClose returns f, or closes it where something went wrong.
func orClose(f lock.File, err error) (lock.File, error) {
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
