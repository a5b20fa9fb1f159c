// Package mutant holds pid-file protocols that are each wrong in one thing.
// Every one is a bug that real software had; together they are the exam of
// racefuzz. Most are the shipped protocol on a system in which one operation
// is another, some are a few calls of the system in the order in which the
// real program made them.
package mutant

import (
	"errors"
	"io/fs"
	"slices"
	"sync"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Shipped is the name of the protocol that programs get: [lock.AcquireOn] and
// [lock.ProbeOn], unchanged.
const Shipped = "memlatch-lock"

// Protocol is a way to use a pid file, run on any [lock.System]. Those whose
// bug lies in an operation that lock.System does not have need a system that
// is also a [Raw].
type Protocol struct {
	Name   string
	Bug    string           // what is wrong, in one sentence; "" for the shipped protocol
	Source string           // who had the bug: project#number
	Breaks []race.Invariant // what it can be seen to break, the foremost first
	Tiers  string           // the tiers that can see it: m model, k kernel, p process, s syscall
	Rules  string           // "windows" where only a Windows file system shows it, or ""
	Alone  bool             // one process on [Unshared] shows it, too

	// Acquire and Probe have the contracts of [lock.Acquire] and
	// [lock.Probe], and break them.
	Acquire func(sys lock.System, path string) (Holder, error)
	Probe   func(sys lock.System, path string) (lock.Status, error)
	// Uninstall removes store, which no holder of the pid file may lose, and
	// a stale pid file. The error matches [lock.ErrHeld] when somebody holds
	// the pid file.
	Uninstall func(sys lock.System, path, store string) error
}

// Holder is what a successful Acquire returns. A [*lock.PIDFile] is one.
type Holder interface {
	Check() error
	Release() error
}

// All returns the mutants, in a stable order, without the shipped protocol.
func All() []Protocol { return slices.Clone(corpus()) }

var corpus = sync.OnceValue(func() []Protocol {
	all := slices.Concat(steps, contents, failures, lockless, sharing, probes, uninstalls)
	for i := range all {
		all[i] = all[i].complete()
	}
	return all
})

// Lookup returns the protocol of that name, the shipped one included.
func Lookup(name string) (Protocol, bool) {
	if name == Shipped {
		return Protocol{Name: Shipped, Tiers: "mkp"}.complete(), true
	}
	all := corpus()
	i := slices.IndexFunc(all, func(p Protocol) bool { return p.Name == name })
	if i < 0 {
		return Protocol{}, false
	}
	return all[i], true
}

// complete takes what p leaves out from the shipped protocol.
func (p Protocol) complete() Protocol {
	if p.Acquire == nil {
		p.Acquire = acquire
	}
	if p.Probe == nil {
		p.Probe = lock.ProbeOn
	}
	if p.Uninstall == nil {
		p.Uninstall = p.uninstall
	}
	return p
}

// acquire is the shipped Acquire.
func acquire(sys lock.System, path string) (Holder, error) {
	p, err := lock.AcquireOn(sys, path)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// uninstall becomes the holder first: what it removes is nobody's then, and
// releasing removes a stale pid file.
func (p Protocol) uninstall(sys lock.System, path, store string) error {
	h, err := p.Acquire(sys, path)
	if err != nil {
		return err
	}
	return errors.Join(removeIfAny(sys, store), h.Release())
}

func removeIfAny(sys lock.System, path string) error {
	err := sys.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
