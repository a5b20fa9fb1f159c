package proc

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// Habitual returns the mutants that are wrong in what a server does besides
// its pid file, or with it as only a process can. Where Acquire or Probe is
// nil, theirs are the shipped ones.
func Habitual() []StandIn {
	return append(processLocks(), []StandIn{
		{
			Name:   "losers-forgotten",
			Bug:    "the recorded server exits, and those that it had refused live on unrecorded",
			Source: "memtomem",
			Breaks: []race.Invariant{race.AServerSucceeds, race.UninstallSparesWhatIsUsed},
			Habits: Habits{ForgetsLosers: true},
		},
		{
			Name:   "orphan",
			Bug:    "the server outlives its host",
			Source: "many MCP servers",
			Breaks: []race.Invariant{race.ServersAnswerAndStop},
			Habits: Habits{OutlivesHost: true},
		},
		{
			Name:   "handler-exits-early",
			Bug:    "the signal handler exits with a request in hand",
			Source: "memtomem#437",
			Breaks: []race.Invariant{race.ServersAnswerAndStop},
			Habits: Habits{ExitsInHandler: true},
		},
		{
			Name:   "child-inherits-lock",
			Bug:    "a program that the server started inherits the locked file and keeps the lock after the server's death",
			Source: "neon#1814, daemonize#39, clocker#382",
			Breaks: []race.Invariant{race.CrashesAreTakenOver, race.ProbesTellTheTruth, race.AServerSucceeds},
			Habits: Habits{Helper: true},
		},
		{
			Name:   "probe-then-delete",
			Bug:    "uninstall asks, a server opens the store, uninstall deletes it",
			Source: "memtomem#1944",
			Breaks: []race.Invariant{race.UninstallSparesWhatIsUsed},
			Habits: Habits{ProbesThenDeletes: true},
		},
		{
			Name:   "deletes-live-pidfile",
			Bug:    "uninstall finds nobody, a server starts, uninstall removes its pid file by the name",
			Source: "memtomem#443",
			Breaks: []race.Invariant{race.OnlyTheHolderChanges},
			Habits: Habits{DeletesPIDFile: true},
		},
		{
			Name:   "half-uninstalled",
			Bug:    "uninstall takes one file after the other, and killed in between it leaves what no later one finds",
			Source: "memtomem",
			Breaks: []race.Invariant{race.UninstallSparesWhatIsUsed},
			Habits: Habits{RemovesInParts: true},
		},
	}...)
}
