package mutant

import (
	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// uninstalls are the protocols that ask whether a server runs, and act on an
// answer that is no longer true.
var uninstalls = []Protocol{
	{
		Name:   "probe-then-delete",
		Bug:    "uninstall asks, a server starts and opens the store, uninstall removes the store",
		Source: "memtomem#1944",
		Breaks: []race.Invariant{race.UninstallSparesWhatIsUsed},
		Tiers:  "mp",
		Uninstall: func(sys lock.System, path, store string) error {
			status, err := lock.ProbeOn(sys, path)
			if err != nil {
				return err
			}
			if status.State == lock.Held {
				return &lock.HeldError{Path: path, PID: status.PID}
			}
			return removeIfAny(sys, store)
		},
	},
	{
		Name:   "deletes-live-pidfile",
		Bug:    "uninstall finds a stale pid file, a server takes it over, uninstall removes it by its name",
		Source: "memtomem#443",
		Breaks: []race.Invariant{race.OnlyTheHolderChanges},
		Tiers:  "mp",
		Uninstall: func(sys lock.System, path, store string) error {
			status, err := lock.ProbeOn(sys, path)
			if err != nil {
				return err
			}
			if status.State == lock.Held {
				return &lock.HeldError{Path: path, PID: status.PID}
			}
			return removeIfAny(sys, path)
		},
	},
}
