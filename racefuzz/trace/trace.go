// Package trace is racefuzz's syscall tier: it runs programs nobody here
// wrote, stops them at every system call that touches the case's directory,
// and lets one of them move at a time. It works on Linux, without any rights,
// with ptrace and a seccomp filter; elsewhere it returns
// [errors.ErrUnsupported].
package trace

import (
	"fmt"

	"github.com/memlatch/memlatch/racefuzz/race"
)

// Bounds limit the schedules that are explored.
type Bounds struct {
	Preemptions int // times an actor that could go on is made to wait
	Crashes     int // actors killed
}

func (b Bounds) within(c Bounds) bool {
	return b.Preemptions <= c.Preemptions && b.Crashes <= c.Crashes
}

func (b Bounds) cost() int { return b.Preemptions + b.Crashes }

// Result is what came of running schedules. Without a broken invariant Events
// are empty after an exploration.
type Result struct {
	Schedules int
	Complete  bool // every schedule within the bounds was run or led nowhere new
	Events    []race.Event
	Verdict   race.Verdict
}

// DivergedError says that a program did not do again what it did before.
type DivergedError struct {
	Events []race.Event // up to there
	Step   race.Step    // the one that was expected next, or in place of the last event
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("step %d differs: expected %q", len(e.Events)+1, e.Step)
}

// Program is a daemon under test. In its command {pidfile}, {dir} and {n}
// stand for the pid file, the case's directory and the number of the actor.
// What is left empty is found out by running it.
type Program struct {
	Command  []string
	Probe    []string // command that asks whether a server runs: exit status 0 says yes
	Ready    string   // "quiet" (it sleeps; the default), "file" (the pid file is there), or a regular expression of its output
	Stop     string   // "eof", "term" or "int"
	Losers   string   // what a refused start does: "exit" or "serve"
	LockFile string   // name of a separate lock file in the case's directory
	Strict   bool     // as well what most daemons get wrong: an operator's rm, and a link in the place of the pid file
}
