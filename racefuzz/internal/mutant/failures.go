package mutant

import (
	"errors"
	"io"
	"io/fs"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// failures are the protocols that do all in order as long as no call fails.
var failures = []Protocol{
	{
		Name:   "open-error-is-held",
		Bug:    "a pid file that cannot be opened, for whatever reason, is taken for one that somebody holds",
		Source: "BOINC#947, gerbera#2126",
		Breaks: []race.Invariant{race.NothingIsClobbered},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, open: func(path string, mode lock.Mode) (lock.File, error) {
				f, err := sys.Open(path, mode)
				if err != nil && !errors.Is(err, lock.ErrBusy) {
					return nil, &lock.HeldError{Path: path}
				}
				return f, err
			}}, path)
		},
	},
	{
		Name:   "lock-error-is-held",
		Bug:    "a lock call that fails, for whatever reason, is taken for a lock that somebody holds",
		Source: "fsnow/cst#315, ceph#23647",
		Breaks: []race.Invariant{race.NothingIsClobbered},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, tryLock: func(f lock.File, exclusive bool) error {
				err := f.TryLock(exclusive)
				if err != nil && !errors.Is(err, lock.ErrRefused) {
					return &lock.HeldError{Path: path}
				}
				return err
			}}, path)
		},
	},
	{
		Name:   "no-rights-no-lock",
		Bug:    "a start that has no right to the pid file goes on without one, beside whoever has it",
		Source: "btsouth/ceiling#306",
		Breaks: []race.Invariant{race.ReadersFindTheHolder, race.OneHolder},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			if errors.Is(err, fs.ErrPermission) {
				return unprotected{}, nil
			}
			return h, err
		},
	},
	{
		Name:   "no-rights-another-place",
		Bug:    "a start that has no right to the pid file makes one elsewhere, beside whoever has the first",
		Source: "milvus#5037, remote_syslog2#24",
		Breaks: []race.Invariant{race.OneHolder},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			if errors.Is(err, fs.ErrPermission) {
				return acquire(sys, "tmp-"+path)
			}
			return h, err
		},
	},
	{
		Name:   "truncate-error-ignored",
		Bug:    "a truncation that fails counts as done, and the end of a longer pid stays behind the holder's",
		Source: "naemon-core#75",
		Breaks: []race.Invariant{race.CrashesAreTakenOver},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, truncate: func(f lock.File, size int64) error {
				f.Truncate(size)
				return nil
			}}, path)
		},
	},
	{
		Name:   "short-write-is-whole",
		Bug:    "a write that stored something counts as done, and half a pid is another process's",
		Source: "tenzir#1128, tox-dev/filelock#601",
		Breaks: []race.Invariant{race.ReadersFindTheHolder},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, f, err := acquireUnwritten(sys, path)
			if err != nil {
				return nil, err
			}
			n, err := f.WriteAt(pidLine(sys.PID()), 0)
			if n > 0 {
				err = f.Truncate(int64(n))
			}
			return orRelease(h, err)
		},
	},
	{
		Name:   "write-error-leaks-lock",
		Bug:    "the way out after a failed write leaves the file open and locked, and nobody can start any more",
		Source: "openclaw#51197, oh-my-claudecode#2327",
		Breaks: []race.Invariant{race.NothingIsClobbered},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, f, err := acquireUnwritten(sys, path)
			if err != nil {
				return nil, err
			}
			if err := record(f, sys.PID()); err != nil {
				return nil, err
			}
			return h, nil
		},
	},
	{
		Name:   "unlock-error-leaks-lock",
		Bug:    "release ends at an unlock that fails, says that it is over, and leaves the file open and locked",
		Source: "tox-dev/filelock#600",
		Breaks: []race.Invariant{race.NothingIsClobbered},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			failed := false
			return acquire(&altered{
				System: sys,
				unlock: func(f lock.File) error {
					err := f.Unlock()
					failed = err != nil
					return err
				},
				close: func(f lock.File) error {
					if failed {
						return nil
					}
					return f.Close()
				},
			}, path)
		},
	},
	{
		Name:   "remove-error-ignored",
		Bug:    "release takes a removal that fails for done, and the file goes on naming a process that is gone",
		Source: "salt#43366, liblockfile#4, burp#593",
		Breaks: []race.Invariant{race.NothingIsClobbered},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			failed := false
			return acquire(&altered{
				System: sys,
				remove: func(path string) error {
					failed = sys.Remove(path) != nil
					return nil
				},
				truncate: func(f lock.File, size int64) error {
					if failed {
						return nil
					}
					return f.Truncate(size)
				},
			}, path)
		},
	},
	{
		Name:   "check-error-is-lost",
		Bug:    "a check that cannot look takes the lock for lost, and a holder gives up what is its own",
		Source: "tox-dev/filelock#661",
		Breaks: []race.Invariant{race.AServerSucceeds},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			if err != nil {
				return nil, err
			}
			return timid{h}, nil
		},
	},
	{
		Name:   "probe-open-error-is-absent",
		Bug:    "a pid file that the probe cannot open, for whatever reason, is taken for one that there is not",
		Source: "libdaemon's daemon_pid_file_is_running",
		Breaks: []race.Invariant{race.ProbesTellTheTruth},
		Tiers:  "mk",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			return lock.ProbeOn(&altered{System: sys, open: func(path string, mode lock.Mode) (lock.File, error) {
				f, err := sys.Open(path, mode)
				if err != nil && !errors.Is(err, lock.ErrBusy) {
					return nil, fs.ErrNotExist
				}
				return f, err
			}}, path)
		},
	},
	{
		Name:   "probe-lock-error-is-stale",
		Bug:    "a lock call of the probe that fails, for whatever reason, is taken for a lock that nobody holds",
		Source: "libdaemon's daemon_pid_file_is_running, chobbledotcom/tickets#1957",
		Breaks: []race.Invariant{race.ProbesTellTheTruth},
		Tiers:  "mk",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			return lock.ProbeOn(&altered{System: sys, tryLock: func(f lock.File, exclusive bool) error {
				if err := f.TryLock(exclusive); errors.Is(err, lock.ErrRefused) {
					return err
				}
				return nil
			}}, path)
		},
	},
	{
		Name:   "probe-read-error-unlinks",
		Bug:    "a pid file that the probe cannot read is taken for a broken one and removed, though it is the holder's",
		Source: "libdaemon's daemon_pid_file_is_running",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges},
		Tiers:  "mk",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			return lock.ProbeOn(&altered{System: sys, readAt: func(f lock.File, p []byte, off int64) (int, error) {
				n, err := f.ReadAt(p, off)
				if err != nil && err != io.EOF {
					sys.Remove(path)
				}
				return n, err
			}}, path)
		},
	},
}

// acquireUnwritten is the shipped Acquire up to the pid, which is still to be
// written to the file that it returns.
func acquireUnwritten(sys lock.System, path string) (h Holder, held lock.File, err error) {
	h, err = acquire(&altered{
		System: sys,
		writeAt: func(f lock.File, p []byte, _ int64) (int, error) {
			held = f
			return len(p), nil
		},
		truncate: func(f lock.File, size int64) error {
			if size > 0 {
				return nil
			}
			return f.Truncate(0)
		},
	}, path)
	return h, held, err
}

// orRelease returns h, or releases it where something went wrong.
func orRelease(h Holder, err error) (Holder, error) {
	if err != nil {
		return nil, errors.Join(err, h.Release())
	}
	return h, nil
}

// unprotected is a holder of nothing.
type unprotected struct{}

func (unprotected) Check() error   { return nil }
func (unprotected) Release() error { return nil }

// timid is a holder that takes every error of its check for the worst.
type timid struct{ Holder }

func (t timid) Check() error {
	if t.Holder.Check() != nil {
		return lock.ErrLost
	}
	return nil
}
