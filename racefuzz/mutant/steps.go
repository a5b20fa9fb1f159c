package mutant

import (
	"fmt"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/race"
)

// steps are the protocols that lock a file and make a step too few, one too
// many, or two in the wrong order.
var steps = []Protocol{
	{
		Name:   "truncate-before-lock",
		Bug:    "opening truncates, so that a start which is then refused has wiped the holder's pid",
		Source: "memtomem#476, daemonize#20, huatuo#583",
		Breaks: []race.Invariant{race.I2},
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
		Name:   "no-recheck",
		Bug:    "nobody asks after the lock whether the locked file still has its name",
		Source: "memtomem, hermit#423, portalocker#115, lockgate#48",
		Breaks: []race.Invariant{race.I1, race.I2},
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
		Name:   "loser-unlinks",
		Bug:    "a start that is refused cleans up the pid file, which is the holder's",
		Source: "bitcoin#28946, sevlyar/go-daemon",
		Breaks: []race.Invariant{race.I1, race.I5},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			if isHeld(err) {
				sys.Remove(path)
			}
			return h, err
		},
	},
	{
		Name:   "no-truncate",
		Bug:    "the pid is written over a longer one, whose end stays",
		Source: "crun#504, doris#1273, kvrocks#3598",
		Breaks: []race.Invariant{race.I2},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, truncate: func(lock.File, int64) error { return nil }}, path)
		},
	},
	{
		Name:   "write-before-lock",
		Bug:    "the pid goes into the file before the lock is asked for",
		Source: "SUSE/rmt#325",
		Breaks: []race.Invariant{race.I2},
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
}

// record writes the pid as the shipped protocol does.
func record(f lock.File, pid int) error {
	n, err := f.WriteAt(fmt.Appendln(nil, pid), 0)
	if err != nil {
		return err
	}
	return f.Truncate(int64(n))
}

// orClose returns f, or closes it where something went wrong.
func orClose(f lock.File, err error) (lock.File, error) {
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
