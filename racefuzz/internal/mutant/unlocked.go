package mutant

import (
	"errors"
	"io/fs"
	"os"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// lockless are the protocols that trust the file's existence or content
// instead of a lock.
var lockless = []Protocol{
	{
		Name:   "exists-means-running",
		Bug:    "there is no lock: a file that a crash left keeps everybody from starting",
		Source: "paseo#4803",
		Breaks: []race.Invariant{race.CrashesAreTakenOver},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			err := create(sys, path)
			if errors.Is(err, fs.ErrExist) {
				return nil, &lock.HeldError{Path: path}
			}
			return holder(sys, path, err)
		},
		Probe: probeContent,
	},
	{
		Name:   "stale-by-pid",
		Bug:    "there is no lock: two starts find the same dead pid, and the second removes the file of the first",
		Source: "nightlyone/lockfile, elizaOS#19356",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges, race.OneHolder},
		Tiers:  "mks",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			for range 3 {
				err := create(sys, path)
				if !errors.Is(err, fs.ErrExist) {
					return holder(sys, path, err)
				}
				if pid := recorded(sys, path); alive(sys, pid) {
					return nil, &lock.HeldError{Path: path, PID: pid}
				}
				sys.Remove(path)
			}
			return nil, &lock.HeldError{Path: path}
		},
		Probe: probeContent,
	},
	{
		Name:   "check-then-write",
		Bug:    "there is no lock: two starts both find nobody running, and both write",
		Source: "moby/pkg/pidfile, soellman/pidfile",
		Breaks: []race.Invariant{race.ReadersFindTheHolder, race.OneHolder, race.OnlyTheHolderChanges},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			if pid := recorded(sys, path); alive(sys, pid) {
				return nil, &lock.HeldError{Path: path, PID: pid}
			}
			f, err := sys.Open(path, lock.Create)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return holder(sys, path, record(f, sys.PID()))
		},
		Probe: probeContent,
	},
}

// unlocked is the holder of a pid file without a lock. It removes the name.
type unlocked struct {
	sys  lock.System
	path string
}

func (u *unlocked) Check() error   { return nil }
func (u *unlocked) Release() error { return u.sys.Remove(u.path) }

func holder(sys lock.System, path string, err error) (Holder, error) {
	if err != nil {
		return nil, err
	}
	return &unlocked{sys, path}, nil
}

// create makes a new pid file. The error matches fs.ErrExist where there is
// one already.
func create(sys lock.System, path string) error {
	f, err := openFile(sys, path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer f.Close()
	return record(f, sys.PID())
}

// probeContent believes the recorded pid of a live process.
func probeContent(sys lock.System, path string) (lock.Status, error) {
	text, err := read(sys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return lock.Status{}, nil
	}
	if err != nil {
		return lock.Status{}, err
	}
	if pid := number(text); alive(sys, pid) {
		return lock.Status{State: lock.Held, PID: pid}, nil
	}
	return lock.Status{State: lock.Stale}, nil
}
