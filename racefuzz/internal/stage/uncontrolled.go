package stage

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Uncontrolled plays cases on the real file system with all actors at once
// and nobody who gives turns: what a stress test does. It is there to be
// compared with. Nothing crashes and no call is made to fail.
type Uncontrolled struct {
	disk *disk
}

// NewUncontrolled makes its directory below parent; Close removes it.
func NewUncontrolled(parent string) (*Uncontrolled, error) {
	d, err := newDisk(parent)
	return &Uncontrolled{d}, err
}

func (u *Uncontrolled) Close() error { return u.disk.close() }

// Try plays c once and reports whether anything went wrong that the actors, or
// somebody who looks afterwards, can see: a holder that does not find its pid,
// an answer that no order explains, something left or clobbered. With a reader
// somebody reads the pid file all the time, too.
func (u *Uncontrolled) Try(c race.Case, reader bool) (wrong bool, err error) {
	protocol, ok := mutant.Lookup(c.Target)
	if !ok {
		return false, errors.New("unknown target " + c.Target)
	}
	return u.play(protocol, c, reader)
}

func (u *Uncontrolled) play(protocol mutant.Protocol, c race.Case, reader bool) (wrong bool, err error) {
	if err := u.disk.setup(substitute(c.Files)); err != nil {
		return false, err
	}
	t := &try{disk: u.disk, protocol: protocol, users: c.Options[OptionUsers] == "each"}
	var names []string
	for i, a := range append(slices.Clone(c.Actors), race.Actor{Name: Next}) {
		p := &freeActor{try: t, index: i, name: a.Name, pid: firstPID + i}
		if c.Options[OptionPIDs] == "same" {
			p.pid = 1
		}
		t.actors, names = append(t.actors, p), append(names, a.Name)
	}
	promise, victims := promiseOf(c, new(judge.Histories))
	promise.Found, promise.Left = judge.File{Object: judge.Hidden}, u.disk.Exists(race.PIDFile)
	promise.Found.Content, promise.Found.Readable = u.disk.Content(race.PIDFile)
	t.judge = judge.New(promise, names)
	stop := func() {}
	if reader {
		stop = t.watch()
	}
	var ready, done sync.WaitGroup
	ready.Add(len(c.Actors))
	for i, a := range c.Actors {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			t.actors[i].play(a.Script)
		})
	}
	done.Wait()
	stop()
	next := t.actors[len(c.Actors)]
	for _, f := range victims {
		if text, _ := t.disk.Content(f.Name); text != f.Content {
			next.see(judge.Fact{Kind: judge.Clobbers, Said: "finds " + f.Name + " changed"})
		}
	}
	if t.disk.Exists(race.PIDFile) {
		t.see(judge.Fact{Kind: judge.Remains, Name: race.PIDFile})
	}
	next.play([]string{"acquire", "release"})
	next.see(judge.Fact{Kind: judge.Exhausted})
	for _, p := range t.actors {
		p.closeAll()
	}
	return t.judge.Verdict().Broken(), nil
}

// try is one uncontrolled run.
type try struct {
	disk     *disk
	protocol mutant.Protocol
	actors   []*freeActor // in the case's order, and Next
	users    bool         // every actor is another user's

	mu    sync.Mutex
	facts int
	judge *judge.Judge
}

// see puts down a fact. They come one after the other: what has happened, after
// it has, and what is going to happen, before.
func (t *try) see(f judge.Fact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.Event = t.facts
	t.facts++
	t.judge.See(f)
}

// watch reads the file again and again, until the function that it returns is
// called: a file that was not empty must not be so as long as it has its name.
func (t *try) watch() (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var before os.FileInfo
		var last *os.File // stays open, so that its identity is not another's
		for {
			select {
			case <-over:
				last.Close()
				return
			default:
			}
			f, info, text := t.read()
			emptied := info != nil && before != nil && text == "" && os.SameFile(info, before)
			if emptied && t.names(info) {
				t.see(judge.Fact{Kind: judge.Emptied})
			}
			last.Close()
			if last, before = f, info; text == "" {
				before = nil
			}
		}
	}()
	return func() {
		close(over)
		<-done
	}
}

// read opens the pid file and reads it; info is nil where it cannot.
func (t *try) read() (f *os.File, info os.FileInfo, text string) {
	if o := t.disk.objects[race.PIDFile]; o != nil && o.kind != race.Regular {
		return nil, nil, ""
	}
	f, err := os.Open(t.disk.path(race.PIDFile))
	if err != nil {
		return nil, nil, ""
	}
	content, err := io.ReadAll(f)
	if err == nil {
		info, _ = f.Stat()
	}
	return f, info, string(content)
}

// names reports whether the pid file's name means that file.
func (t *try) names(info os.FileInfo) bool {
	named, err := os.Lstat(t.disk.path(race.PIDFile))
	return err == nil && os.SameFile(named, info)
}
