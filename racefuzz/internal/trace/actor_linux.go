package trace

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

// actor is one started program with all its processes.
type actor struct {
	name   string
	script []string
	index  int
	phase  phase
	next   int        // index of the next operation of the script
	round  int        // starts so far
	procs  []*process // alive ones, those that outlived their server among them
	first  *process   // of this round
	server *process   // the one that is asked to stop, known while serving
	stdin  *os.File
	port   int

	history  []string // what it did in this round and what came of it
	past     []string // the same of rounds of which a process lives on
	naps     int      // in its start, if that is learned from
	named    bool     // the pid file has named it in this round
	slept    bool     // between two tries of its start, since others moved
	rested   bool     // it serves, and has done nothing since it last slept
	returned bool     // its command has ended in this round, and left a server in the background
	marked   bool     // in this round it may have changed what others see: before, a crash is as good as no start
}

// freeLane is a name for a new process that no living one has.
func (a *actor) freeLane() string {
	for n := 1; ; n++ {
		lane := fmt.Sprintf("%s.%d", a.name, n)
		if !slices.ContainsFunc(a.procs, func(p *process) bool { return p.lane == lane }) {
			return lane
		}
	}
}

// op is the next operation of the script, or "" at its end.
func (a *actor) op() string {
	if a.next == len(a.script) {
		return ""
	}
	return a.script[a.next]
}

// bury forgets the processes that have ended.
func (a *actor) bury() {
	a.procs = slices.DeleteFunc(a.procs, func(p *process) bool { return p.ended })
	if !slices.ContainsFunc(a.procs, func(p *process) bool { return p.orphan }) {
		a.past = nil
	}
}

// victim is the process a crash hits.
func (a *actor) victim() *process {
	if a.server != nil {
		return a.server
	}
	if a.first != nil && !a.first.ended {
		return a.first
	}
	for _, p := range a.procs {
		if !p.ended && !p.orphan {
			return p
		}
	}
	return nil
}

// active reports whether a process of this round has a step to make or is in
// the middle of one.
func (a *actor) active() bool {
	for _, p := range a.procs {
		if !p.orphan && !p.parked && (p.next() != nil || p.blocked() != nil) {
			return true
		}
	}
	return false
}

// closeInput ends the actor's input. A process that is just being started has
// every descriptor until its exec, and would keep the pipe open.
func (a *actor) closeInput() error {
	if a.stdin == nil {
		return nil
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	defer func() { a.stdin = nil }()
	return a.stdin.Close()
}
