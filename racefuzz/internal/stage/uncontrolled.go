package stage

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"

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
	files := substitute(c.Files)
	if err := u.disk.setup(files); err != nil {
		return false, err
	}
	t := &try{disk: u.disk, protocol: protocol, users: c.Options[OptionUsers] == "each"}
	stop := func() {}
	if reader {
		stop = t.watch()
	}
	var ready, done sync.WaitGroup
	for i := range c.Actors {
		p := &freeActor{try: t, index: i, pid: firstPID + i}
		if c.Options[OptionPIDs] == "same" {
			p.pid = 1
		}
		t.actors = append(t.actors, p)
	}
	ready.Add(len(t.actors))
	for i, p := range t.actors {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			p.play(c.Actors[i].Script)
		})
	}
	done.Wait()
	stop()
	t.look(files)
	next := &freeActor{try: t, index: len(c.Actors), pid: firstPID + len(c.Actors)}
	t.actors = append(t.actors, next)
	next.play([]string{"acquire", "release"})
	alike := c.Options[OptionPIDs] == "same"
	if t.removed == 0 && !alike && !t.odd && !t.uninstalled {
		t.wrong = t.wrong || !(&Tier{}).linear(t.history)
	}
	for _, p := range t.actors {
		p.closeAll()
	}
	return t.wrong, nil
}

// try is one uncontrolled run.
type try struct {
	disk     *disk
	protocol mutant.Protocol
	actors   []*freeActor
	users    bool // every actor is another user's
	clock    atomic.Int64

	mu          sync.Mutex
	history     []operation
	wrong       bool
	removed     int64 // when somebody who is no holder last removed the file, or 0
	uninstalled bool
	started     bool
	odd         bool // something that is no pid file is in its place
}

func (t *try) fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrong = true
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
				t.fail()
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

// look finds what is left, or clobbered, when all have finished.
func (t *try) look(files []race.File) {
	there := false
	for _, f := range files {
		there = there || f.Name == race.PIDFile
		t.odd = t.odd || f.Name == race.PIDFile && f.Kind != race.Regular
		if text, _ := t.disk.Content(f.Name); f.Name != race.PIDFile && f.Name != Store && text != f.Content {
			t.wrong = true
		}
	}
	held := slices.ContainsFunc(t.actors, func(p *freeActor) bool { return p.holds })
	left := t.disk.Exists(race.PIDFile)
	if left && !held && !t.odd && (!there || t.started) {
		t.wrong = true
	}
}
