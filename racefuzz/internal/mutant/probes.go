package mutant

import (
	"errors"
	"io/fs"
	"os"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// probes are the protocols that start and stop well and ask badly.
var probes = []Protocol{
	{
		Name:   "probe-takes-exclusive",
		Bug:    "the probe takes the lock exclusively, and the only server that starts meanwhile is refused at once",
		Source: "memtomem",
		Breaks: []race.Invariant{race.LoneStartsSucceed},
		Tiers:  "mkps",
		Acquire: func(sys lock.System, path string) (Holder, error) {
			return acquire(&altered{System: sys, pause: func(int) bool { return false }}, path)
		},
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			return lock.ProbeOn(&altered{System: sys, tryLock: func(f lock.File, _ bool) error {
				return f.TryLock(true)
			}}, path)
		},
	},
	{
		Name:   "probe-trusts-content",
		Bug:    "a recorded pid that lives is taken for the server, though it was given to somebody else",
		Source: "memtomem#387",
		Breaks: []race.Invariant{race.ProbesTellTheTruth},
		Tiers:  "mkp",
		Probe:  probeContent,
	},
	{
		Name:   "probe-trusts-residue",
		Bug:    "a held file's content is taken for its holder's, who has not written yet",
		Source: "every design that locks first and writes then",
		Breaks: []race.Invariant{race.ProbesTellTheTruth},
		Tiers:  "mks",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			return lock.ProbeOn(&altered{System: sys, holds: func(lock.File, int) bool { return true }}, path)
		},
	},
	{
		Name:   "probe-reads-then-locks",
		Bug:    "the pid is read before the lock is asked for, and the two belong to different owners",
		Source: "memtomem",
		Breaks: []race.Invariant{race.ProbesTellTheTruth},
		Tiers:  "mks",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			pid := recorded(sys, path)
			status, err := lock.ProbeOn(sys, path)
			if status.State == lock.Held {
				status.PID = pid
			}
			return status, err
		},
	},
	{
		Name:   "probe-creates",
		Bug:    "the probe opens as a start does and leaves an empty file",
		Source: "users of flock(1)",
		Breaks: []race.Invariant{race.NothingRemains},
		Tiers:  "mkps",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			return lock.ProbeOn(&altered{System: sys, open: func(path string, _ lock.Mode) (lock.File, error) {
				return sys.Open(path, lock.Create)
			}}, path)
		},
	},
	{
		Name:   "probe-blocks-on-fifo",
		Bug:    "a FIFO in the pid file's place blocks the probe's open for ever",
		Source: "memtomem#2043",
		Breaks: []race.Invariant{race.NothingIsClobbered},
		Tiers:  "kp",
		Probe: func(sys lock.System, path string) (lock.Status, error) {
			f, err := openFile(sys, path, os.O_RDONLY)
			if errors.Is(err, fs.ErrNotExist) {
				return lock.Status{}, nil
			}
			if err != nil {
				return lock.Status{}, err
			}
			f.Close()
			return lock.ProbeOn(sys, path)
		},
	},
}
