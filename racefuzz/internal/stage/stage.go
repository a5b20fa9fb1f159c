// Package stage plays cases one step at a time. Each actor is a coroutine
// that follows its script with a pid-file protocol; before every call of the
// system it waits for its turn. The file system is one in memory, or the real
// one, on which actors of one process contend over real locks.
//
// An actor's script is a list of
//
//	acquire, release, check, probe, uninstall   of the protocol; a second
//	        release stands for a signal that comes late
//	read    the pid file, as anybody would
//	remove  the pid file, as somebody would who knows no better
//	crash   end without clean-up; whatever follows is skipped up to a restart
//	restart begin as a new process; before a crash it does nothing
//
// When all have finished, one more actor, [Next], starts and stops: it proves
// that what the others have left is no obstacle.
package stage

import (
	"fmt"
	"slices"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/sim"
)

// Next is the name of the actor that starts after all others.
const Next = "next"

// Options of a case that this package knows.
const (
	// OptionPIDs, set to "same", gives all actors the pid 1, as in containers.
	OptionPIDs = "pids"
	// OptionUsers, set to "each", makes every actor another user's process.
	OptionUsers = "users"
	// OptionFaults lists, separated by spaces, the errors with which calls of
	// the system can fail, such as "ENOSPC EIO"; "short" is a disk that is
	// full after half of a write.
	OptionFaults = "faults"
)

// Pids in cases. Those of actors are shorter than that of the dead process.
const (
	firstPID    = 101
	restarted   = 100 // is added to an actor's pid at each restart
	strangerPID = 4242
	deadPID     = 34567
)

// Store is the file that uninstall removes.
const Store = "store.db"

// Tier is [race.Tier] on one kind of file system. It may be used from several
// goroutines.
type Tier struct {
	open func(race.Case) (world, error)

	mu   sync.Mutex
	idle map[string][]world // by rules
	all  []world

	histories judge.Histories
}

// Model returns the tier whose file system is in memory, under the rules that
// each case names.
func Model() *Tier {
	return &Tier{open: func(c race.Case) (world, error) {
		rules, ok := sim.ParseRules(c.Rules)
		if !ok {
			return nil, fmt.Errorf("unknown rules %q", c.Rules)
		}
		return memory{sim.New(rules)}, nil
	}}
}

// Start implements [race.Tier].
func (t *Tier) Start(c race.Case) (race.Run, error) {
	protocol, ok := mutant.Lookup(c.Target)
	if !ok {
		return nil, fmt.Errorf("unknown target %q", c.Target)
	}
	w, err := t.world(c)
	if err != nil {
		return nil, err
	}
	return newRun(t, w, protocol, c)
}

func (t *Tier) world(c race.Case) (world, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if idle := t.idle[c.Rules]; len(idle) > 0 {
		t.idle[c.Rules] = idle[:len(idle)-1]
		return idle[len(idle)-1], nil
	}
	w, err := t.open(c)
	if err == nil {
		t.all = append(t.all, w)
	}
	return w, err
}

func (t *Tier) giveBack(c race.Case, w world) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.idle == nil {
		t.idle = map[string][]world{}
	}
	t.idle[c.Rules] = append(t.idle[c.Rules], w)
}

// Close removes what the tier has made. All runs must have been closed.
func (t *Tier) Close() error {
	var first error
	for _, w := range t.all {
		if err := w.close(); err != nil && first == nil {
			first = err
		}
	}
	t.all, t.idle = nil, nil
	return first
}

// world is a file system with processes on it.
type world interface {
	setup(files []race.File) error // begins anew
	stranger(pid int)              // a live process of another user
	process(pid int) process
	Content(name string) (string, bool) // as a plain reader finds it
	Exists(name string) bool
	Names() []string
	Fingerprint() uint64
	relative(message string) string // with names as they are in the case
	close() error
}

// process is one actor's view of a world. Names are relative to the case's
// directory.
type process interface {
	mutant.Raw
	Parked() bool // waits until somebody else changes something
	Die()
}

// memory is the world in memory.
type memory struct{ *sim.FS }

func (m memory) setup(files []race.File) error {
	m.Reset()
	return m.Setup(files)
}

func (m memory) Exists(name string) bool { return slices.Contains(m.Names(), name) }

func (m memory) stranger(pid int)               { m.Stranger(pid) }
func (m memory) relative(message string) string { return message }
func (m memory) process(pid int) process        { return m.Process(pid) }
func (m memory) close() error                   { return nil }
