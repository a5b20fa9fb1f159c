// Package proc is the process tier of racefuzz: it runs a case with real
// server processes, real pipes, real signals and random timing, watches from
// outside what becomes of the pid file, the servers and the store, and judges
// what it saw.
//
// A program that uses this package must call [Role] first thing in main: the
// package starts its own program again for the small processes that a case
// needs besides the servers.
package proc

import (
	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Tier is the name of this tier in a case.
const Tier = "process"

// Target is a server to be put to the test, with what can be asked of it.
type Target struct {
	Name string
	// Path is the server's program. It is empty for a stand-in, which is this
	// program again in the role of the server.
	Path string
	// Probe asks a pid file the way the target's own status command does. It
	// has the contract of [lock.Probe].
	Probe func(path string) (lock.Status, error)
	// Commands are what is put to the test instead of a server, if not nil.
	Commands *Commands
}

// Outcome is what came of running a case once.
type Outcome struct {
	Events  []race.Event
	Verdict race.Verdict
	Servers int    // server processes that were started, or commands
	File    string // where it shows what commands broke; "" if in no file
}
