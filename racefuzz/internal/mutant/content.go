package mutant

import (
	"errors"
	"fmt"
	"os"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// contents are the protocols that err in what they write, believe of what they
// read, or take for a success.
var contents = []Protocol{
	{
		Name:   "no-truncate",
		Bug:    "the pid is written over a longer one, whose end stays",
		Source: "crun#504, doris#1273, kvrocks#3598",
		Breaks: []race.Invariant{race.CrashesAreTakenOver},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, truncate: func(lock.File, int64) error { return nil }}, path)
		},
	},
	{
		Name:   "rewrite-truncating",
		Bug:    "the new holder empties the file before it writes, and a reader in between finds nothing",
		Source: "FreeBSD pidfile(3), os.WriteFile",
		Breaks: []race.Invariant{race.ReadersFindTheHolder},
		Tiers:  "mks",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, writeAt: func(f lock.File, p []byte, off int64) (int, error) {
				if err := f.Truncate(0); err != nil {
					return 0, err
				}
				return f.WriteAt(p, off)
			}}, path)
		},
	},
	{
		Name:   "crash-between-create-and-write",
		Bug:    "an empty file is taken for a server that is starting, though its creator died",
		Source: "paseo#4803",
		Breaks: []race.Invariant{race.CrashesAreTakenOver},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			if text, err := read(sys, path); err == nil && text == "" {
				return nil, &lock.HeldError{Path: path}
			}
			return acquire(sys, path)
		},
	},
	{
		Name:   "own-pid-is-mine",
		Bug:    "a recorded pid equal to one's own is taken for one's own lock, though two containers can each have a pid 1",
		Source: "charts#346, patroni#681",
		Breaks: []race.Invariant{race.OneHolder},
		Tiers:  "m",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			var held *lock.HeldError
			if errors.As(err, &held) && held.PID == sys.PID() {
				return &unlocked{sys, path}, nil
			}
			return h, err
		},
	},
	{
		Name:   "eperm-is-dead",
		Bug:    "a process that one may not ask about is taken for a dead one, and its lock is broken",
		Source: "uutils/shadow#28, nightlyone/lockfile",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges, race.OneHolder},
		Tiers:  "m",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			h, err := acquire(sys, path)
			var held *lock.HeldError
			if errors.As(err, &held) && held.PID != 0 && signal(sys, held.PID) != nil {
				sys.Remove(path)
				return acquire(sys, path)
			}
			return h, err
		},
	},
	{
		Name:   "unsupported-is-acquired",
		Bug:    "a lock call that fails, as on a file system without locks, counts as a success",
		Source: "etcd#14252",
		Breaks: []race.Invariant{race.ReadersFindTheHolder, race.OneHolder, race.OnlyTheHolderChanges},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, tryLock: func(f lock.File, exclusive bool) error {
				if err := f.TryLock(exclusive); errors.Is(err, lock.ErrRefused) {
					return err
				}
				return nil
			}}, path)
		},
	},
	{
		Name:   "write-error-ignored",
		Bug:    "a write that fails, as on a full disk, counts as done, and the server runs with an empty pid file",
		Source: "wazuh#821, keepalived#1292",
		Breaks: []race.Invariant{race.ReadersFindTheHolder},
		Tiers:  "mk",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			failed := false
			return acquire(&altered{
				System: sys,
				writeAt: func(f lock.File, p []byte, off int64) (int, error) {
					_, err := f.WriteAt(p, off)
					failed = err != nil
					return len(p), nil
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
		Name:   "follows-symlink",
		Bug:    "a link in the pid file's place is followed, and what it leads to is overwritten",
		Source: "filelock CVE-2025-68146, memtomem",
		Breaks: []race.Invariant{race.NothingIsClobbered},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			followed := false
			return acquire(&altered{
				System: sys,
				open: func(path string, mode lock.Mode) (lock.File, error) {
					f, err := sys.Open(path, mode)
					if err != nil && !errors.Is(err, lock.ErrBusy) {
						followed = true
						return openFile(sys, path, os.O_RDWR|os.O_CREATE)
					}
					return f, err
				},
				same: func(f lock.File, path string) (bool, error) {
					if followed {
						return true, nil
					}
					return sys.Same(f, path)
				},
			}, path)
		},
	},
	{
		Name:   "accepts-garbage",
		Bug:    "0, -1, 12x or a pid cut short is reported as the server's pid, to be killed",
		Source: "FreeBSD pidfile(3)'s own comment",
		Breaks: []race.Invariant{race.ProbesTellTheTruth},
		Tiers:  "mk",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			status, err := lock.ProbeOn(sys, path)
			if err == nil && status.State != lock.Absent && status.PID == 0 {
				text, _ := read(sys, path)
				fmt.Sscan(text, &status.PID)
			}
			return status, err
		},
	},
}
