package trace

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// How long an actor may take to come to rest within a step.
const (
	workLimit = time.Minute
	napLimit  = 300 * time.Millisecond
	takeover  = 2 * time.Second
	readiness = 10 * time.Second
)

// noteMark stands in the detail of an event before what came of it.
const noteMark = "; "

// run is a case being executed; see [race.Run].
type run struct {
	*tracer
	c         race.Case
	tier      Tier
	settings  program.Program
	common    *strings.Replacer // of the placeholders that all actors share
	command   []string          // with the program found
	probe     []string          // the same
	beside    []string          // the same
	ready     *regexp.Regexp
	stopLimit time.Duration // how long an actor may take to stop
	base      string        // holds the case's directory and what must not be in it
	began     time.Time

	actors    []*actor
	teller    *teller
	events    []race.Event
	ended     string                  // how the last actor that ended did
	waiting   []*actor                // those of which a process waited in a call, before the last step
	moved     []*actor                // those that may have, in the last step
	foretold  explore.Footprint       // of the last step, before it was made
	foot      explore.Footprint       // of the last step
	stood     string                  // what the teller saw of the actors after it
	exclusive map[int]bool            // numbers of what is or was the pid file or the lock file
	faults    map[string][]race.Fault // that steps may be made to fail with, by system call
	word      *commands.Word          // on commands, once they have ended
	wordAt    int                     // the event that it is about
	touches   race.Schedule           // the steps that were about something in the directory that was there
	learning  bool                    // it is not known yet what the program does alone
	naps      int                     // in a row, of whomever, since something happened
	gaveUp    bool                    // a crash came last, and nobody had the turn before it
	happened  int                     // the event after which nothing happened but that
	vain      int                     // tries in a row, of whomever, that were refused as before
	account   *user.User              // whom the programs run as, or nil
	latest    *task                   // that made a call in the present step, or nil
}

// Start sets c up.
func (t Tier) Start(c race.Case) (race.Run, error) {
	r, err := start(c, t)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// start sets a case up. The calling goroutine stays on its thread until Close.
func start(c race.Case, t Tier) (*run, error) {
	var s program.Program
	var err error
	if t.commands == nil {
		s, err = program.Of(c)
	} else {
		s.PIDFile = c.PIDFile()
	}
	if err != nil {
		return nil, err
	}
	base, err := os.MkdirTemp(t.Dir, "case")
	if err != nil {
		return nil, err
	}
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return nil, err
	}
	r := &run{c: c, tier: t, settings: s, began: time.Now(), stopLimit: 2 * time.Second, base: base, tracer: newTracer(filepath.Join(base, "dir")),
		exclusive: map[int]bool{}}
	if t.commands != nil {
		r.dir, r.in = t.commands.Place.Dir, t.commands.Place.In
	}
	r.hold = s.Beats != "" && s.Losers != "serve"
	if s.Clock != "" {
		base, err := time.Parse(time.RFC3339, s.Clock)
		if err == nil && !ownClock {
			err = errors.ErrUnsupported
		}
		if err != nil {
			return nil, fmt.Errorf("option clock: %w", err)
		}
		r.clock, r.hold, r.timing = &clock{base: base}, true, everything
	} else if t.wantsClock {
		r.timing = alarms
	}
	r.done = t.Done
	r.onNotice, r.every = t.Noticed, s.Calls == everyCall || t.commands != nil
	if err := r.setUp(); err != nil {
		if r.watch != nil {
			r.watch.close()
		}
		program.Remove(base)
		return nil, err
	}
	lockThread()
	return r, nil
}

func (r *run) setUp() (err error) {
	if r.tier.commands != nil {
		return r.setUpCommands()
	}
	s := r.settings
	if who, err := s.Account(); err != nil {
		return err
	} else if who != nil {
		if err := r.runAs(who); err != nil {
			return err
		}
	}
	if r.ready, err = s.Pattern(); err != nil {
		return err
	}
	if s.Stops != "" {
		if r.stopLimit, err = time.ParseDuration(s.Stops); err != nil {
			return fmt.Errorf("option stops: %w", err)
		}
	}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return err
	}
	common, files, err := program.Expand(r.c, r.dir)
	if err != nil {
		return err
	}
	r.common = common
	for _, f := range files {
		if f.Kind == race.Config {
			r.fixed[f.Name] = true
		}
	}
	if err := r.furnish(files); err != nil {
		return err
	}
	if r.command, err = program.Resolve(r.c.Command); err != nil {
		return err
	}
	if s.Direct != "" {
		r.command[0] = s.Direct
	}
	if r.probe, err = program.Resolve(program.SplitWords(s.Probe)); err != nil {
		return err
	}
	if r.beside, err = program.Resolve(program.SplitWords(s.Beside)); err != nil {
		return err
	}
	if r.faults, err = faultsOf(s.Faults); err != nil {
		return err
	}
	if r.injected, err = parseInject(s.Inject); err != nil {
		return err
	}
	for i, a := range r.c.Actors {
		port, err := program.FreePort("{port}", r.c.Command)
		if err != nil {
			return err
		}
		r.actors = append(r.actors, &actor{name: a.Name, script: a.Script, index: i, port: port})
	}
	if err := r.lookFirst(); err != nil {
		return err
	}
	r.notePidFile()
	passes, err := s.Passes()
	if err != nil {
		return err
	}
	r.teller = newTeller(s, files, r.pidFile(), r.names(), r.passed(passes))
	return nil
}

// passed tells of each verdict that is passed over.
func (r *run) passed(passes func(race.Verdict) bool) func(race.Verdict) bool {
	if passes == nil || r.tier.Passed == nil {
		return passes
	}
	return func(v race.Verdict) bool {
		over := passes(v)
		if over {
			r.tier.Passed(v)
		}
		return over
	}
}

func (r *run) names() (names []string) {
	for _, a := range r.actors {
		names = append(names, a.name)
	}
	return names
}

// furnish makes the case's files, in which its placeholders are replaced.
func (r *run) furnish(files []race.File) error {
	stranger := os.Getpid() // which lives as long as the case
	if slices.ContainsFunc(files, func(f race.File) bool { return strings.Contains(f.Content, "{stranger}") }) {
		r.stranger = stranger
	}
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	c := r.c
	c.Files = files
	if err := program.Furnish(root, c, stranger, deadPID); err != nil {
		return err
	}
	return r.giveAway(root)
}

func (r *run) Close() error {
	r.end()
	r.watch.close()
	for _, a := range r.actors {
		a.closeInput()
	}
	runtime.UnlockOSThread()
	return program.Remove(r.base)
}

// wait lets time pass until the actor does something, for as long as a
// standby has to take over.
func (r *run) wait(a *actor) {
	a.phase = waking
	r.idle(a, takeover, a.active)
}

// idle lets time pass until done, or for as long as the limit says. Time in
// which the actor's processes want a processor does not count, so that a busy
// machine changes nothing. Who waits for the case's clock does nothing in the meantime.
func (r *run) idle(a *actor, limit time.Duration, done func() bool) {
	const most = 2 * time.Millisecond // at once: this process may have had to wait as well
	for passed := time.Duration(0); passed < limit && !a.dozes() && !done() && r.over() == nil; {
		r.settle([]*actor{a}, patience{naps: 0, work: workLimit})
		start := time.Now()
		pause(time.Millisecond)
		passed += min(time.Since(start), most)
	}
}

// Do makes a move and waits until all are at rest again.
func (r *run) Do(m race.Move) (race.Event, error) {
	a, p := r.lane(m.Actor)
	if a == nil {
		return race.Event{}, fmt.Errorf("no actor %q", m.Actor)
	}
	e := race.Event{Step: race.Step{Actor: m.Actor, Op: m.Op, Result: "ok"}, Preempted: r.interrupts(a, m), Time: time.Since(r.began)}
	again := p != nil && r.repeats(p)
	r.waiting = slices.DeleteFunc(slices.Clone(r.actors), func(a *actor) bool {
		return !slices.ContainsFunc(a.procs, func(p *process) bool { return p.blocked() != nil })
	})
	var k *task
	var err error
	begun := len(r.pids)
	r.ends, r.latest = nil, nil
	r.foot, r.foretold = explore.Footprint{}, explore.Footprint{}
	switch m.Op {
	case opStart:
		err = r.startActor(a, starting, r.command)
	case opProbe:
		err = r.startActor(a, probing, r.probe)
	case opRun:
		err = r.startActor(a, visiting, r.beginning(a))
	case opStop:
		if r.beats(a) { // where it is in its sleep would be chance
			r.idle(a, beatLimit, a.active)
		}
		e.Detail, err = r.stopActor(a)
		r.foot.Unknown = e.Detail == r.settings.Stop // a command
	case opWait:
		r.foot = r.waitFootprint()
		r.wait(a)
	case opCrash:
		r.foot = r.crashFootprint(a)
		e.Detail = r.crash(a)
	case opWake:
		r.foot.Unknown, r.foretold.Unknown = true, true
		e.Detail, err = r.wake(a, p)
	case opHalt:
		r.foot.Unknown, r.foretold.Unknown = true, true
		e.Detail, err = r.halt(r.halting())
		a.next++
	case opRemove:
		r.foot.Unknown, r.foretold.Unknown = true, true
		err = os.Remove(filepath.Join(r.dir, r.settings.PIDName()))
		a.next++
	default:
		if p == nil || p.next() == nil || p.next().call.Name != m.Op {
			return e, fmt.Errorf("%s cannot %s now", m.Actor, m.Op)
		}
		k = p.next()
		e.Detail = k.call.words
		if r.tier.Stacks {
			e.Stack = r.stack(k.tid)
		}
		if m.Fault != race.NoFault {
			k.call.fault = errnoOf(strings.TrimPrefix(string(m.Fault), failing))
		}
		if k.call.wild {
			r.teller.judge.See(judge.Fact{Kind: judge.Clobbers, Event: len(r.events), Who: slices.Index(r.actors, a), Said: "sends a signal to every process there is"})
		}
		a.rested = false
		r.foretold = r.footprintOf(k)
		r.foot = r.foretold
		r.touch(a, k.call)
		r.noteRoot(k)
		k, err = r.try(p, k)
	}
	if err == nil && k == nil && m.Op != opWake {
		err = r.rest(a)
	}
	if err := r.over(); err != nil { // what was waited for may not have come
		return e, err
	}
	if r.slept && r.tier.wantsClock {
		return e, errSleeps
	}
	if errors.Is(err, ErrForbidden) {
		return e, err
	}
	if err != nil {
		return e, fmt.Errorf("%s %s: %w", m.Actor, m.Op, err)
	}
	if k != nil {
		e.Result = k.outcome
		if !k.done {
			e.Result = "waits"
		}
		if m.Fault != race.NoFault {
			e.Result = string(m.Fault)
		}
		inside := func(place string) bool { return place != "" && place != "." }
		if e.Result != "ENOENT" && slices.ContainsFunc(k.made.places, inside) { // others may look for what is not there
			r.touches = append(r.touches, e.Step)
		}
		r.foot.Unknown = r.foot.Unknown || !k.done
		if e.Result == "ok" && k.made.Does(syscalls.Locks) {
			r.foot.Write(r.foot.Reads...)
		}
	}
	if r.vain++; !again || k == nil || !refusals[k.outcome] {
		r.vain = 0
	}
	if r.vain >= mostVain {
		p.parked = true
	} else {
		r.unpark(a, e)
	}
	for _, p := range r.ends {
		r.foot.Write(life(p))
	}
	if len(r.pids) > begun {
		r.foot.Write(births)
	}
	if k != nil && e.Result != "waits" && r.noisy(k.made.file) {
		e.Detail = r.maskName(k.made.file) // see isAt
		if k.shown != "" {
			e.Result, k.shown = "ok", ""
		}
	}
	r.observe(a, k, e)
	r.awaitBeats()
	return r.events[len(r.events)-1], cmp.Or(r.judgeCommands(), r.excess)
}

// rest waits until all that a move of a set going has come to rest.
func (r *run) rest(a *actor) error {
	limit := patience{naps: napLimit, work: workLimit}
	if a.phase == stopping {
		limit.naps = r.stopLimit
	}
	r.moved = r.affected(a)
	r.foot.Unknown = r.foot.Unknown || len(r.moved) > 1
	if !r.settle(r.moved, limit) {
		return cmp.Or(r.over(), fmt.Errorf("still at work after %v", limit.work))
	}
	r.awaitReady(a)
	r.awaitStop(a)
	r.awaitCommands()
	for _, a := range r.moved {
		if err := r.awaitTry(a); err != nil {
			return err
		}
	}
	return nil
}

// observe looks at what a step of a, in which k made a call if it is not nil, has
// changed, and judges it.
func (r *run) observe(a *actor, k *task, e race.Event) {
	before, locks := r.pidFile(), r.scene.locks
	if keepsLocks(e.Op) {
		r.moved = nil
	}
	r.now = len(r.events)
	changes := r.look(k, r.moved, r.actors)
	r.stamp(k, changes)
	if r.clock != nil {
		r.clock.steps++
	}
	r.notePidFile()
	for _, a := range r.actors {
		a.named = a.named || a.phase == starting && strings.Contains(r.pidFile().Content, "{"+a.name)
	}
	r.remember(a, k, e)
	notes := r.advance()
	r.countNaps(a, e.Op, changes, len(notes) > 0)
	notes = append(r.unforeseen(a, changes), notes...)
	if len(notes) > 0 {
		e.Detail = strings.TrimPrefix(e.Detail+noteMark+strings.Join(notes, ", "), noteMark)
	}
	r.show(&e)
	r.events = append(r.events, e)
	v := r.view(before)
	v.mover, v.op, v.fault = a.name, e.Op, strings.HasPrefix(e.Result, failing)
	if r.tier.commands == nil && r.stuck() { // who waits in its start or stop does so for ever
		v.stuck = !r.orphansLock()
		for _, a := range r.actors {
			if a.phase == stopping && a.active() {
				r.teller.deaf = append(r.teller.deaf, a.name)
			}
		}
	}
	if r.tier.commands == nil {
		r.teller.tell(v)
		r.teller.judge.Verdict()
	}
	r.changed(&r.foot, changes, locks)
	for _, other := range r.actors {
		other.marked = other.marked || r.foot.Unknown || other == a && len(r.foot.Writes) > 0
	}
	stood := fmt.Sprint(v.actors, v.helpers)
	r.foot.Visible = r.foot.Visible || v.fault || v.before != v.after || stood != r.stood
	r.stood = stood
}

// notePidFile keeps which files the name of the pid file or the lock file has
// meant.
func (r *run) notePidFile() {
	for _, name := range []string{r.settings.PIDName(), r.settings.LockFile} {
		if e, there := r.scene.entry(name); there {
			r.exclusive[e.object] = true
		}
	}
}

// awaitReady gives an actor that sleeps before it has said that it is ready,
// which it is known to say, the time to do so or to end.
func (r *run) awaitReady(a *actor) {
	deadline := time.Now().Add(readiness)
	for a.phase == starting && r.ready != nil && !r.isReady(a) && r.running(a) && !a.active() && !a.dozes() && time.Now().Before(deadline) && r.over() == nil {
		r.settle([]*actor{a}, patience{naps: napLimit, work: workLimit})
		time.Sleep(time.Millisecond)
	}
}

// awaitStop gives an actor that was asked to stop, and does nothing, the rest
// of its time.
func (r *run) awaitStop(a *actor) {
	r.idle(a, r.stopLimit, func() bool { return a.phase != stopping || a.server.ended || a.active() })
}

// interrupts reports whether a move of a takes the turn from another actor that
// could go on. Who could not has given it up, though a crash may set him free.
func (r *run) interrupts(a *actor, m race.Move) bool {
	_, free, _ := explore.Onward(r, r.events)
	free = free || r.gaveUp
	r.gaveUp = free && m.Fault == race.Crash
	return m.Fault != race.Crash && !free && a.name != race.ActorOf(r.last())
}

// last is the lane that moved last; a crash is no move of its actor's own.
func (r *run) last() string {
	for _, e := range slices.Backward(r.events) {
		if e.Op != opCrash {
			return e.Actor
		}
	}
	return ""
}

// lane finds an actor and, unless the name is that of an actor without a
// process, the process by its lane.
func (r *run) lane(name string) (*actor, *process) {
	for _, a := range r.actors {
		if a.name != race.ActorOf(name) {
			continue
		}
		for _, p := range a.procs {
			if p.lane == name {
				return a, p
			}
		}
		if a.name == name {
			return a, nil
		}
	}
	return nil, nil
}

// affected are the actors whose rest a move of a can end: its own, and those
// of which a process waited in a call, which it may not do any more.
func (r *run) affected(a *actor) []*actor {
	out := []*actor{a}
	for _, other := range r.actors {
		waits := other.phase == starting && !other.active() && !r.parked(other)
		if other != a && (waits || r.stirred[other] || slices.Contains(r.waiting, other)) {
			out = append(out, other)
		}
	}
	clear(r.stirred)
	return out
}

// Verdict judges the events so far.
func (r *run) Verdict() race.Verdict {
	if r.tier.commands != nil {
		return r.commandVerdict()
	}
	return r.teller.judge.Verdict()
}
