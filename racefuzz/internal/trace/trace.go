// Package trace is racefuzz's syscall tier: it runs programs nobody here
// wrote, stops them at every system call that touches the case's directory,
// and lets one of them move at a time. It works on Linux, without any rights,
// with ptrace and a seccomp filter; elsewhere it returns
// [errors.ErrUnsupported].
package trace

import (
	"errors"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Tier runs cases of this tier, as [race.Tier]. A run belongs to the goroutine
// that started it, and keeps that on its thread until it is closed.
type Tier struct {
	Dir    string // where cases get their directories; "" for the usual place for temporary files
	Server string // what {server} stands for in commands
	// Noticed is told of what an actor does that nobody can follow, such as
	// "maps server.db", once in each schedule; may be nil. It is called from
	// several goroutines.
	Noticed func(actor, what string)

	commands *Commands // what is run instead of servers, or nil
}

// ErrForbidden says that this system does not let programs be traced.
var ErrForbidden = errors.New("tracing programs is not permitted here")

// Program is a daemon under test. In its command and its files {pidfile},
// {dir} and {caseport} stand for the pid file, the case's directory and a TCP
// port on the loopback interface that is free for all actors, and in its
// command {n} and {port} for the actor's number and a free port of its own.
// What is left empty is found out by running it.
type Program struct {
	Command  []string
	Files    []race.File // its files, of kind [race.Config], which it must leave as they are
	Probe    []string    // command that asks whether a server runs: exit status 0 says yes, 1 to 3 no
	Beside   []string    // command that is run once beside the servers, such as an uninstaller
	Ready    string      // "quiet" (it sleeps; the default), "file" (the pid file is there), or a regular expression of its output
	Stop     string      // "eof", "term", "int", or a command
	Losers   string      // what a refused start does: "exit" or "serve"
	PIDFile  string      // name of the pid file in the case's directory, if not the usual one
	LockFile string      // name of a separate lock file in the case's directory
	Inject   string      // system calls that fail, as "flock:error=ENOLCK:when=2"
	Faults   string      // errors that any step may be made to fail with: names, or "all"
	Lenient  bool        // a start may empty a dead server's pid file before it writes its own pid
	Strict   bool        // as well what most daemons get wrong: an operator's rm, and a link in the place of the pid file
}
