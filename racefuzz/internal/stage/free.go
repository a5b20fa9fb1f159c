package stage

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// freeActor plays its script without waiting for turns. It is a [mutant.Raw].
type freeActor struct {
	mutant.OS
	try    *try
	index  int
	pid    int
	holder mutant.Holder // of its start, also when that has been released
	holds  bool
	began  int64        // its start
	locks  atomic.Int32 // files that it has locked exclusively
	files  []*freeFile
	store  bool // there was a store when it became the holder
}

func (p *freeActor) play(script []string) {
	for _, op := range script {
		p.perform(op)
	}
}

func (p *freeActor) perform(op string) {
	t := p.try
	o := operation{actor: p.index, pid: p.pid, op: op, call: int(t.clock.Add(1))}
	var err error
	switch {
	case op == "acquire" && p.holder == nil:
		p.began = int64(o.call)
		p.holder, err = t.protocol.Acquire(p, race.PIDFile)
		if err == nil {
			t.mu.Lock()
			t.started = true
			t.mu.Unlock()
			p.holds = true
			p.store = t.disk.Exists(Store)
			p.checkPID()
		}
	case op == "release" && p.holder != nil && !p.holds: // late
		p.holder.Release()
		return
	case op == "release" && p.holder != nil:
		p.holds = false
		p.checkPID()
		if p.store && !t.disk.Exists(Store) {
			t.fail()
		}
		err = p.holder.Release()
	case op == "check" && p.holder != nil:
		p.check()
		return
	case op == "probe":
		o.status, err = t.protocol.Probe(p, race.PIDFile)
		if o.status.State == lock.Stale && o.status.PID != 0 && o.status.PID < firstPID {
			t.fail()
		}
	case op == "remove":
		t.remove()
		return
	case op == "uninstall":
		t.mu.Lock()
		t.uninstalled = true
		t.mu.Unlock()
		t.protocol.Uninstall(p, race.PIDFile, Store)
		return
	default:
		return
	}
	o.end = int(t.clock.Add(1))
	o.result = outcome(err)
	if errors.Is(err, errBlocks) {
		t.fail()
	}
	if err == nil || errors.Is(err, lock.ErrHeld) {
		t.mu.Lock()
		t.history = append(t.history, o)
		t.mu.Unlock()
	}
}

// remove is an operator's rm. Until it is over everybody's file may be gone.
func (t *try) remove() {
	set := func(when int64) {
		t.mu.Lock()
		t.removed = when
		t.mu.Unlock()
	}
	set(math.MaxInt64)
	lock.OS{}.Remove(t.disk.path(race.PIDFile))
	set(t.clock.Add(1))
}

// checkPID looks whether a reader finds this holder's pid, unless somebody may
// have removed its file.
func (p *freeActor) checkPID() {
	text, err := os.ReadFile(p.try.disk.path(race.PIDFile))
	p.try.mu.Lock()
	defer p.try.mu.Unlock()
	if p.began > p.try.removed && (err != nil || strings.TrimSpace(string(text)) == "" || string(text) != pidLine(p.pid)) {
		p.try.wrong = true
	}
}

// check asks the holder for its file, which nobody can have taken from it but
// somebody who removes it.
func (p *freeActor) check() {
	err := p.holder.Check()
	p.try.mu.Lock()
	defer p.try.mu.Unlock()
	if p.began > p.try.removed && errors.Is(err, lock.ErrLost) {
		p.try.wrong = true
	}
}

func (p *freeActor) closeAll() {
	for _, f := range p.files {
		f.Close()
	}
}

func (p *freeActor) PID() int { return p.pid }

func (p *freeActor) Open(name string, mode lock.Mode) (lock.File, error) {
	return p.opened(p.OS.Open(p.try.disk.path(name), mode))
}

func (p *freeActor) OpenFile(name string, flag int) (lock.File, error) {
	if o := p.try.disk.objects[name]; o != nil && o.kind == race.FIFO && flag&os.O_RDWR == 0 {
		return nil, errBlocks
	}
	return p.opened(p.OS.OpenFile(p.try.disk.path(name), flag))
}

func (p *freeActor) opened(f lock.File, err error) (lock.File, error) {
	if err != nil {
		return nil, err
	}
	file := &freeFile{File: f, actor: p}
	p.files = append(p.files, file)
	return file, nil
}

func (p *freeActor) Same(f lock.File, name string) (bool, error) {
	return p.OS.Same(f.(*freeFile).File, p.try.disk.path(name))
}

func (p *freeActor) Remove(name string) error { return p.OS.Remove(p.try.disk.path(name)) }

func (p *freeActor) Holds(_ lock.File, pid int) bool {
	return slices.ContainsFunc(p.try.actors, func(q *freeActor) bool { return q.pid == pid && q.locks.Load() > 0 })
}

func (p *freeActor) Signal(pid int) error {
	if pid == strangerPID {
		return os.ErrPermission
	}
	if slices.ContainsFunc(p.try.actors, func(q *freeActor) bool { return q.pid == pid }) {
		if p.try.users && pid != p.pid {
			return os.ErrPermission
		}
		return nil
	}
	return os.ErrProcessDone
}

// freeFile is an open file of a freeActor, which remembers its lock.
type freeFile struct {
	lock.File
	actor     *freeActor
	exclusive bool
	closed    bool
}

func (f *freeFile) TryLock(exclusive bool) error {
	err := f.File.TryLock(exclusive)
	if err == nil && exclusive && !f.exclusive {
		f.exclusive = true
		f.actor.locks.Add(1)
	}
	return err
}

func (f *freeFile) Unlock() error {
	f.unlocked()
	return f.File.Unlock()
}

func (f *freeFile) Close() error {
	if f.closed {
		return os.ErrClosed
	}
	f.closed = true
	f.unlocked()
	return f.File.Close()
}

func (f *freeFile) unlocked() {
	if f.exclusive {
		f.exclusive = false
		f.actor.locks.Add(-1)
	}
}
