package proc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// event is an event with what only the oracle asks for.
type event struct {
	race.Event               // Time is when it was over
	began      time.Duration // when it was about to begin
	life       int           // the server process it is about, counted from 1; 0 for none
	pid        int           // the process that the result names, or that it is about
	texts      []string      // of memories: added, listed or unanswered
	object     int           // which file was read, counted from 1; 0 where it cannot be told
}

func step(actor, op, result string) race.Event {
	return race.Event{Step: race.Step{Actor: actor, Op: op, Result: result}}
}

// world is one case being run.
type world struct {
	arena   *Arena
	target  Target
	c       race.Case
	program *launcher // nil for a server that is known
	dir     string    // of the case: "run" with the pid file, and "home"
	group   *group
	env     []string
	epoch   time.Time

	news atomic.Int64 // counts what changes the meaning of a reading

	// handles is held for reading by those who have the pid file open here:
	// under Wine the name of a removed file stays for as long as they have.
	handles sync.RWMutex

	mu     sync.Mutex
	events []event
	lives  []*life
	texts  int
	others map[int]bool // the processes that run beside the servers: commands
	err    error        // why the case cannot be run here

	meeting *meeting
	working sync.WaitGroup // the actors that do not wait for the others to finish
	over    chan struct{}  // closed once all but the readers have finished
}

// errEnded says that a case is over and nothing starts in it any more.
var errEnded = errors.New("the case is over")

// Run runs c once with target. The error says why that is not possible here,
// or that ctx has ended; whatever the servers do is in the outcome.
func (a *Arena) Run(ctx context.Context, target Target, c race.Case) (Outcome, error) {
	if target.Commands != nil {
		return target.Commands.try(ctx, c)
	}
	if err := check(c); err != nil {
		return Outcome{}, err
	}
	dir, err := a.caseDir()
	if err != nil {
		return Outcome{}, err
	}
	defer program.Remove(dir)
	w := &world{arena: a, target: target, c: c, dir: dir, over: make(chan struct{}), others: map[int]bool{}}
	if err := w.setUp(); err != nil {
		return Outcome{}, err
	}
	watched := context.AfterFunc(ctx, w.group.kill)
	w.play(ctx)
	watched()
	w.group.kill()
	if w.program != nil {
		endOrphans(w.dir)
		for _, l := range w.lives { // which may have left the group, too
			l.tell(opKill)
		}
	}
	for _, l := range w.lives {
		<-l.ended
	}
	if err := cmp.Or(ctx.Err(), w.err); err != nil {
		return Outcome{}, err
	}
	return w.outcome(), nil
}

func (w *world) setUp() error {
	home, run := filepath.Join(w.dir, "home"), filepath.Join(w.dir, "run")
	for _, dir := range []string{home, run} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	c := w.c
	known, err := programOf(c)
	if known != nil && err == nil {
		w.program, c.Files, err = newLauncher(c, known, run)
	}
	if err != nil {
		return err
	}
	group, err := newGroup()
	if err != nil {
		return err
	}
	w.group = group
	if err := place(c, run, group.pid(), w.arena.dead); err != nil {
		group.kill()
		return err
	}
	w.env = append(os.Environ(),
		"HOME="+home, "USERPROFILE="+home,
		"MEMLATCH_HOME="+w.store(), "MEMLATCH_RUNTIME_DIR="+run)
	w.meeting = newMeeting(w.c)
	w.epoch = time.Now()
	return nil
}

func (w *world) pidFile() string { return filepath.Join(w.dir, "run", w.c.PIDFile()) }

// names reports whether a pid file with that content is process pid's.
func (w *world) names(content string, pid int) bool {
	if w.program != nil {
		return names(w.program.Content, content, pid)
	}
	return content == fmt.Sprintln(pid)
}

// succession is how long, in its own time, a server may live without being
// named or having another live one named.
func (w *world) succession() time.Duration {
	if w.program != nil {
		return programSuccession
	}
	return succession
}

// stopLimit is how long a server may take to stop, in its own time.
func (w *world) stopLimit() time.Duration {
	if w.program != nil {
		return w.program.stops
	}
	return stopTime
}

func (w *world) store() string { return filepath.Join(w.dir, "home", ".memlatch") }
func (w *world) now() time.Duration {
	return time.Since(w.epoch)
}

// server returns the target's command with arguments.
func (w *world) server(args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(w.target.Path, args...)
	role := ""
	if w.target.Path == "" {
		path, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(path, args...)
		role = "server " + w.target.Name
	}
	cmd.Env = append(slices.Clone(w.env), roleVariable+"="+role)
	cmd.Dir = w.dir
	return cmd, nil
}

// play lets the actors act until all have finished.
func (w *world) play(ctx context.Context) {
	var all sync.WaitGroup
	for _, a := range w.c.Actors {
		if !waitsForAll(a) {
			w.working.Add(1)
		}
	}
	var acting sync.WaitGroup
	for _, a := range w.c.Actors {
		do := func() {
			(&actor{w: w, ctx: ctx, name: a.Name}).play(a.Script)
			w.meeting.leave(a.Name)
		}
		switch {
		case watches(a):
			all.Go(do)
		case waitsForAll(a):
			acting.Go(do)
		default:
			acting.Go(func() {
				defer w.working.Done()
				do()
			})
		}
	}
	acting.Wait()
	close(w.over)
	all.Wait()
	if what := clobbered(w.c, filepath.Join(w.dir, "run")); what != "" {
		w.record(event{Event: step("last", opClobbered, what), began: w.now()})
	}
}

// record adds an event that is over.
func (w *world) record(e event) {
	if e.Time == 0 {
		e.Time = w.now()
	}
	if e.Op != opRead {
		e.File = w.peek()
	}
	e.Result, e.Detail = oneLine(e.Result), oneLine(e.Detail)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// peek returns what a reader of the pid file finds.
func (w *world) peek() string {
	content, _ := w.inspect()
	return content
}

func (w *world) inspect() (string, fs.FileInfo) {
	w.handles.RLock()
	defer w.handles.RUnlock()
	return inspect(w.pidFile())
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// born takes note of a server's start and returns its number.
func (w *world) born(l *life, began time.Duration) int {
	e := event{Event: step(l.actor, opStart, strconv.Itoa(l.pid)), began: began, pid: l.pid}
	e.Time = w.now()
	w.mu.Lock()
	w.lives = append(w.lives, l)
	e.life = len(w.lives)
	w.mu.Unlock()
	w.record(e)
	return e.life
}

// died takes note of a server's end. Unless known is true it may have ended
// a moment later.
func (w *world) died(l *life, at time.Duration, code string, known bool) {
	l.mu.Lock()
	said, open := l.said, make([]string, 0, len(l.open))
	for _, text := range l.open {
		open = append(open, text)
	}
	l.mu.Unlock()
	slices.Sort(open)
	e := event{Event: step(l.actor, opExit, code), began: at, life: l.n, pid: l.pid, texts: open}
	e.Time = at
	e.Detail = said
	if !known {
		e.Op = opSilent
	}
	w.record(e)
	w.news.Add(1)
}

// alive returns the servers that have not ended.
func (w *world) alive() []*life {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.lives), func(l *life) bool {
		select {
		case <-l.ended:
			return true
		default:
			return false
		}
	})
}

// maxBusy bounds how much longer than its limit a busy process is waited for.
const maxBusy = 10

func (w *world) within(d time.Duration, done <-chan struct{}) bool {
	return w.arena.within(d, done, w.busy)
}

// within waits for done and reports whether it came before the case's
// processes have had the time d to themselves. Limits on what a server may
// take are limits on its own time: a server that waits for a processor, for a
// disk or for another server that does, on a machine full of others, is not
// late. So the limit must pass twice, first by the clock and then counting
// only the moments at which every process of the case has nothing to do but
// wait.
func (a *Arena) within(d time.Duration, done <-chan struct{}, busy func() bool) bool {
	if a.pulse.within(d, done, nil) {
		return true
	}
	end := time.Now().Add(maxBusy * d)
	return a.pulse.within(d, done, func() bool { return time.Now().After(end) || !busy() })
}

func (w *world) busy() bool {
	for _, l := range w.alive() {
		if busy(l.pid) {
			return true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for pid := range w.others {
		if busy(pid) {
			return true
		}
	}
	return false
}

// runs takes note that a command runs, or no longer.
func (w *world) runs(pid int, does bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if does {
		w.others[pid] = true
	} else {
		delete(w.others, pid)
	}
}

// text returns a text for a memory that no other has.
func (w *world) text(actor string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts++
	return fmt.Sprintf("%s remembers %d", actor, w.texts)
}

// fail takes note of why the case cannot be run.
func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = cmp.Or(w.err, err)
}

func (w *world) outcome() Outcome {
	slices.SortStableFunc(w.events, func(a, b event) int { return cmp.Compare(a.Time, b.Time) })
	o := Outcome{Verdict: verdict(w.c, w.events), Servers: len(w.lives)}
	holders := map[string]bool{}
	for _, e := range w.events {
		switch {
		case says(e, holder):
			holders[e.Actor] = true
		case e.life != 0 && (isStop(e.Op) || e.Op == opExit):
			delete(holders, e.Actor)
		}
		e.Lock = strings.Join(sorted(holders), " ")
		o.Events = append(o.Events, e.Event)
	}
	return o
}

func sorted(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
