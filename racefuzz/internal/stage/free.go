package stage

import (
	"errors"
	"os"
	"slices"
	"sync/atomic"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// freeActor plays its script without waiting for turns. It is a [mutant.Raw].
type freeActor struct {
	mutant.OS
	try    *try
	index  int
	name   string
	pid    int
	holder mutant.Holder // of its start, also when that has been released
	holds  bool
	tried  atomic.Bool  // to lock something
	locks  atomic.Int32 // files that it has locked exclusively
	files  []*freeFile
	store  bool // there was a store when it became the holder
}

func (p *freeActor) play(script []string) {
	for _, op := range script {
		p.perform(op)
	}
}

// see puts down a fact about p.
func (p *freeActor) see(f judge.Fact) {
	f.Who, f.Window, f.Name = p.index, p.index+1, p.name
	p.try.see(f)
}

func (p *freeActor) perform(op string) {
	t := p.try
	switch {
	case op == "acquire" && p.holder == nil:
		p.acquire()
	case op == "release" && p.holder != nil && !p.holds: // late
		p.holder.Release()
	case op == "release" && p.holder != nil:
		p.reads()
		p.holds = false
		if p.store && !t.disk.Exists(Store) {
			p.see(judge.Fact{Kind: judge.Misses})
		}
		p.see(judge.Fact{Kind: judge.Told})
		p.ends(p.holder.Release())
	case op == "check" && p.holder != nil:
		p.see(judge.Fact{Kind: judge.Looks})
		f := judge.Fact{Kind: judge.Heard, State: judge.Held}
		if err := p.holder.Check(); errors.Is(err, lock.ErrLost) {
			f.State, f.Said = judge.Lost, outcome(err)
		} else if err != nil {
			f.State = judge.Unknown
		}
		p.see(f)
	case op == "probe":
		p.see(judge.Fact{Kind: judge.Asks})
		f := judge.Fact{Kind: judge.Answers}
		status, err := t.protocol.Probe(p, race.PIDFile)
		if err == nil {
			f.State, f.PID, f.Said = found(status), status.PID, status.State.String()
		}
		p.see(f)
		p.blocks(err)
	case op == "remove": // until it is over everybody's file may be gone
		gone := judge.File{Object: judge.Hidden}
		p.see(judge.Fact{Kind: judge.Robs, File: gone})
		lock.OS{}.Remove(t.disk.path(race.PIDFile))
		p.see(judge.Fact{Kind: judge.Robs, File: gone})
	case op == "uninstall":
		p.see(judge.Fact{Kind: judge.Visits, PID: p.pid})
		err := t.protocol.Uninstall(p, race.PIDFile, Store)
		p.see(judge.Fact{Kind: judge.Ends, Failed: err != nil, Said: outcome(err), Open: t.disk.Exists(Store)})
	}
}

func (p *freeActor) acquire() {
	p.see(judge.Fact{Kind: judge.Begins, PID: p.pid})
	holder, err := p.try.protocol.Acquire(p, race.PIDFile)
	p.blocks(err)
	if p.holder = holder; err != nil {
		p.ends(err)
		return
	}
	p.see(judge.Fact{Kind: judge.Serves})
	p.holds = true
	p.store = p.try.disk.Exists(Store)
	p.reads()
}

// ends puts down what came of a stop, or of a start that failed. For another
// reason than a holder it does so because a call has failed.
func (p *freeActor) ends(err error) {
	f := judge.Fact{Kind: judge.Ends, Said: outcome(err), State: judge.Held}
	if err != nil && !errors.Is(err, lock.ErrHeld) {
		p.see(judge.Fact{Kind: judge.Fails})
		f.State, f.Failed = judge.Unknown, true
	}
	f.Open = p.tried.Load() && slices.ContainsFunc(p.files, func(f *freeFile) bool { return !f.closed })
	p.see(f)
}

func (p *freeActor) blocks(err error) {
	if errors.Is(err, errBlocks) {
		p.see(judge.Fact{Kind: judge.Endless})
	}
}

// reads reads the pid file of this holder.
func (p *freeActor) reads() {
	p.see(judge.Fact{Kind: judge.Looks})
	f := judge.Fact{Kind: judge.Saw}
	if text, err := os.ReadFile(p.try.disk.path(race.PIDFile)); err == nil {
		f.File = judge.File{Object: judge.Hidden, Content: string(text), Readable: true}
	}
	p.see(f)
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
	f.actor.tried.Store(true)
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
