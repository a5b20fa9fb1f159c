package trace

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/race"
)

// How long an actor may take to come to rest within a step.
const (
	workLimit = 30 * time.Second
	napLimit  = 300 * time.Millisecond
	takeover  = 2 * time.Second
)

// run is a case being executed; see [race.Run].
type run struct {
	*tracer
	c         race.Case
	settings  settings
	command   []string // with the program found
	probe     []string // the same
	beside    []string // the same
	ready     *regexp.Regexp
	stopLimit time.Duration // how long an actor may take to stop
	base      string        // holds the case's directory and what must not be in it
	began     time.Time

	actors     []*actor
	scene      scene
	oracle     *oracle
	events     []race.Event
	ended      string                  // how the last actor that ended did
	moved      []*actor                // those that may have, in the last step
	stirred    map[*actor]bool         // actors that got a signal
	inodes     map[uint64]int          // files by their inode, unlinked ones included
	exclusive  map[uint64]bool         // inodes of what is or was the pid file or the lock file
	faults     map[string][]race.Fault // that steps may be made to fail with, by system call
	numbered   bool                    // the command tells the actors apart
	symmetries []order
}

// Start sets c up.
func (t Tier) Start(c race.Case) (race.Run, error) {
	r, err := start(c, t.Dir)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// start sets a case up in a new directory under parent. The calling goroutine
// stays on its thread until Close.
func start(c race.Case, parent string) (*run, error) {
	s, err := parseSettings(c.Options)
	if err != nil {
		return nil, err
	}
	base, err := os.MkdirTemp(parent, "case")
	if err != nil {
		return nil, err
	}
	r := &run{c: c, settings: s, began: time.Now(), stopLimit: 2 * time.Second, base: base, tracer: newTracer(filepath.Join(base, "dir")),
		stirred: map[*actor]bool{}, exclusive: map[uint64]bool{}, inodes: map[uint64]int{}}
	if err := r.setUp(s); err != nil {
		os.RemoveAll(base)
		return nil, err
	}
	lockThread()
	return r, nil
}

func (r *run) setUp(s settings) error {
	switch s.ready {
	case "", "quiet", "file":
	default:
		var err error
		if r.ready, err = regexp.Compile(s.ready); err != nil {
			return err
		}
	}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return err
	}
	if err := furnish(r.dir, r.c.Files, deadPID); err != nil {
		return err
	}
	var err error
	if r.command, err = resolve(r.c.Command); err != nil {
		return err
	}
	if r.probe, err = resolve(splitWords(s.probe)); err != nil {
		return err
	}
	if r.beside, err = resolve(splitWords(s.beside)); err != nil {
		return err
	}
	if r.faults, err = faultsOf(s.faults); err != nil {
		return err
	}
	if r.injected, err = parseInject(s.inject); err != nil {
		return err
	}
	r.numbered = strings.Contains(strings.Join(r.c.Command, " "), "{n}")
	for i, a := range r.c.Actors {
		port, err := freePort(r.c.Command)
		if err != nil {
			return err
		}
		r.actors = append(r.actors, &actor{name: a.Name, script: a.Script, index: i, port: port})
	}
	r.scene = r.look(scene{}, nil, nil)
	r.oracle = newOracle(s, r.c.Files)
	return nil
}

func (r *run) Close() error {
	r.end()
	for _, a := range r.actors {
		a.closeInput()
	}
	runtime.UnlockOSThread()
	return os.RemoveAll(r.base)
}

// Moves are the steps the actors are stopped at, what can be done to those
// that are at rest, and a crash wherever it makes a difference.
func (r *run) Moves() []race.Move {
	var moves []race.Move
	for _, a := range r.actors {
		crash := false
		for _, p := range a.procs {
			if k := p.next(); k != nil && r.mayStep(p) {
				moves = append(moves, race.Move{Actor: p.lane, Op: k.call.name})
				for _, f := range r.faults[k.call.name] {
					moves = append(moves, race.Move{Actor: p.lane, Op: k.call.name, Fault: f})
				}
				crash = crash || k.call.changes() && a.phase != probing
			}
		}
		if op := a.op(); r.mayBegin(a, op) {
			moves = append(moves, race.Move{Actor: a.name, Op: op})
			crash = crash || op == opStop
		}
		if r.mayWait(a) {
			moves = append(moves, race.Move{Actor: a.name, Op: opWait})
		}
		if crash && a.victim() != nil {
			moves = append(moves, race.Move{Actor: a.name, Op: opCrash, Fault: race.Crash})
		}
	}
	return moves
}

// mayBegin reports whether the actor is ready for an operation of its script.
// Nobody can rule out that an operator removes the file of a server that is
// about to do the same, so that happens only while all are at rest.
func (r *run) mayBegin(a *actor, op string) bool {
	switch op {
	case opStart, opProbe, opRun:
		return a.phase == absent
	case opStop:
		return a.phase == serving
	case opRemove:
		_, there := r.scene.entry(race.PIDFile)
		return there && !slices.ContainsFunc(r.actors, func(a *actor) bool { return a.phase != absent && a.phase != serving })
	}
	return false
}

// mayWait reports whether the actor is a standby that could take over: that
// takes time to pass, and is worth it once after each move of another.
func (r *run) mayWait(a *actor) bool {
	if r.settings.losers != "serve" || a.phase != serving || len(r.events) == 0 || r.last() == a.name && r.events[len(r.events)-1].Op != opStart {
		return false
	}
	return !slices.ContainsFunc(r.scene.locks, func(h held) bool { return !h.shared && r.exclusive[h.inode] })
}

// wait lets time pass until the actor does something, for as long as a
// standby has to take over.
func (r *run) wait(a *actor) {
	a.phase = waking
	for deadline := time.Now().Add(takeover); !a.active() && time.Now().Before(deadline); {
		if !r.poll() {
			time.Sleep(time.Millisecond)
		}
	}
}

// Do makes a move and waits until all are at rest again.
func (r *run) Do(m race.Move) (race.Event, error) {
	a, p := r.lane(m.Actor)
	if a == nil {
		return race.Event{}, fmt.Errorf("no actor %q", m.Actor)
	}
	e := race.Event{Step: race.Step{Actor: m.Actor, Op: m.Op, Result: "ok"}, Preempted: r.couldGoOn(a), Time: time.Since(r.began)}
	for _, other := range r.actors {
		for _, p := range other.procs {
			p.parked = p.parked && other == a
		}
	}
	var k *task
	var err error
	switch m.Op {
	case opStart:
		err = r.startActor(a, starting, r.command)
	case opProbe:
		err = r.startActor(a, probing, r.probe)
	case opRun:
		err = r.startActor(a, visiting, r.beside)
	case opStop:
		e.Detail, err = r.stopActor(a)
	case opWait:
		r.wait(a)
	case opCrash:
		e.Detail = r.crash(a)
	case opRemove:
		err = os.Remove(filepath.Join(r.dir, race.PIDFile))
		a.next++
	default:
		if p == nil || p.next() == nil || p.next().call.name != m.Op {
			return e, fmt.Errorf("%s cannot %s now", m.Actor, m.Op)
		}
		k = p.next()
		e.Detail = k.call.words
		if m.Fault != race.NoFault {
			k.call.fault = errnoOf(strings.TrimPrefix(string(m.Fault), failing))
		}
		k, err = r.try(p, k)
	}
	if err == nil && k == nil {
		err = r.rest(a)
	}
	if err != nil {
		return e, fmt.Errorf("%s: %w", e.Step, err)
	}
	if k != nil {
		e.Result = k.outcome
		if !k.done {
			e.Result = "waits"
		}
		if m.Fault != race.NoFault {
			e.Result = string(m.Fault)
		}
	}
	r.observe(a, k, e)
	return r.events[len(r.events)-1], nil
}

// rest waits until all that a move of a set going has come to rest.
func (r *run) rest(a *actor) error {
	limit := patience{naps: napLimit, work: workLimit}
	if a.phase == stopping {
		limit.naps = r.stopLimit
	}
	r.moved = r.affected(a)
	if !r.settle(r.moved, limit) {
		return fmt.Errorf("still at work after %v", limit.work)
	}
	r.awaitStop(a)
	return nil
}

// observe looks at what a step has changed and judges it.
func (r *run) observe(a *actor, k *task, e race.Event) {
	before := r.scene
	r.scene = r.look(before, r.moved, r.actors)
	for _, entry := range r.scene.entries {
		r.inodes[entry.inode] = entry.object
		r.exclusive[entry.inode] = entry.name == race.PIDFile || entry.name == r.settings.lock
	}
	r.remember(a, k, e)
	notes := r.advance()
	if len(notes) > 0 {
		e.Detail = strings.TrimPrefix(e.Detail+"; "+strings.Join(notes, ", "), "; ")
	}
	r.show(&e)
	r.events = append(r.events, e)
	v := r.view(before)
	v.mover, v.op, v.fault = a.name, e.Op, strings.HasPrefix(e.Result, failing)
	r.oracle.judge(v)
}

// awaitStop gives an actor that was asked to stop, and does nothing, the rest
// of its time.
func (r *run) awaitStop(a *actor) {
	deadline := time.Now().Add(r.stopLimit)
	for a.phase == stopping && !a.server.ended && !a.active() && time.Now().Before(deadline) {
		r.settle([]*actor{a}, patience{naps: r.stopLimit, work: workLimit})
		time.Sleep(time.Millisecond)
	}
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

// couldGoOn reports whether an actor other than a is in the middle of
// something and has the turn.
func (r *run) couldGoOn(a *actor) bool {
	_, free := byDefault(r.Moves(), r.last())
	return !free && a.name != actorOf(r.last())
}

// lane finds an actor and, unless the name is that of an actor without a
// process, the process by its lane.
func (r *run) lane(name string) (*actor, *process) {
	for _, a := range r.actors {
		if a.name != actorOf(name) {
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
// of which a process waits in a call.
func (r *run) affected(a *actor) []*actor {
	out := []*actor{a}
	for _, other := range r.actors {
		if other != a && (r.stirred[other] || slices.ContainsFunc(other.procs, func(p *process) bool { return p.blocked() != nil })) {
			out = append(out, other)
		}
	}
	clear(r.stirred)
	return out
}

// startActor starts a command as the actor's.
func (r *run) startActor(a *actor, begins phase, command []string) (err error) {
	a.phase, a.server, a.history = begins, nil, nil
	a.round++
	a.next++
	a.closeInput()
	os.Remove(r.outputOf(a))
	a.first, err = r.launch(a, r.expand(command, a), true)
	return err
}

// outputOf is the file that gets an actor's stdout and stderr.
func (r *run) outputOf(a *actor) string { return filepath.Join(r.base, a.name+".out") }

// launch starts a process of the actor, with a pipe as its input if it is the
// first one.
func (r *run) launch(a *actor, argv []string, first bool) (*process, error) {
	out, err := os.OpenFile(r.outputOf(a), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	in, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if first {
		a.stdin = stdin
	} else {
		stdin.Close()
	}
	return r.start(a, first, argv, os.Environ(), []uintptr{in.Fd(), out.Fd(), out.Fd()})
}

// expand replaces the placeholders of a command.
func (r *run) expand(words []string, a *actor) []string {
	replace := strings.NewReplacer(
		"{pidfile}", filepath.Join(r.dir, race.PIDFile), "{dir}", r.dir,
		"{n}", strconv.Itoa(a.index), "{port}", strconv.Itoa(a.port))
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = replace.Replace(w)
	}
	return out
}

// freePort finds a port if the command has a place for one.
func freePort(command []string) (int, error) {
	if !strings.Contains(strings.Join(command, " "), "{port}") {
		return 0, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// resolve finds the program of a command.
func resolve(command []string) ([]string, error) {
	if len(command) == 0 {
		return nil, nil
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	return append([]string{path}, command[1:]...), nil
}

// stopActor asks the actor's server to stop.
func (r *run) stopActor(a *actor) (string, error) {
	a.phase = stopping
	a.next++
	switch r.settings.stop {
	case "eof":
		return "end of input", a.closeInput()
	case "int":
		return "SIGINT", unix.Kill(a.server.pid, unix.SIGINT)
	case "term":
		return "SIGTERM", unix.Kill(a.server.pid, unix.SIGTERM)
	}
	argv, err := resolve(strings.Fields(r.settings.stop))
	if err != nil {
		return "", err
	}
	_, err = r.launch(a, r.expand(argv, a), false)
	return r.settings.stop, err
}

// crash kills the actor's server with SIGKILL, and only that process.
func (r *run) crash(a *actor) string {
	p := a.victim()
	unix.Kill(p.pid, unix.SIGKILL)
	for !p.ended {
		if !r.poll() {
			runtime.Gosched()
		}
	}
	r.leave(a)
	return "SIGKILL"
}

// leave notes that the actor's server is gone: what is left of it are orphans.
func (r *run) leave(a *actor) {
	a.phase, a.server, a.first = absent, nil, nil
	for _, p := range a.procs {
		p.orphan = true
	}
	a.history = nil
	if a.op() == opStop {
		a.next++
	}
}

// guard refuses a kill that would leave the case: a daemon that trusts a pid
// file can be made to kill anything.
func (r *run) guard(k *task) {
	if k.call.name != "kill" || k.call.args[1] == 0 {
		return
	}
	target := k.call.target
	switch p := r.pids[max(target, -target)]; {
	case p != nil:
		r.stirred[p.actor] = true
		if p.actor.phase == serving {
			p.actor.phase = stopping
		}
	case target == 0:
	default:
		k.call.fault = unix.EPERM
		if target == -1 {
			r.oracle.breaks(len(r.events), race.I11, "%s sends %s to every process there is", k.proc.actor.name, signalName(unix.Signal(k.call.args[1])))
		}
	}
}

// advance moves the actors on to the phase they have come to and returns what
// people should know of it.
func (r *run) advance() []string {
	var notes []string
	for _, a := range r.actors {
		a.bury()
		switch a.phase {
		case starting, waking:
			if r.alive(a) == 0 {
				r.ended = ending(a.first)
				notes = append(notes, a.name+" ends: "+ending(a.first))
				r.leave(a)
			} else if !a.active() && r.isReady(a) {
				a.phase = serving
				a.server = r.serverOf(a)
				for _, p := range a.procs {
					if k := p.next(); k != nil && p.parked {
						r.patrol(k)
					}
				}
				notes = append(notes, a.name+" serves")
			}
		case probing, visiting:
			if r.alive(a) == 0 {
				notes = append(notes, a.name+" ends: "+ending(a.first))
				if a.phase == probing {
					r.oracle.answered(len(r.events), a.name, r.answer(a))
				}
				r.leave(a)
			}
		case serving, stopping:
			if a.server.ended {
				notes = append(notes, a.name+" ends: "+ending(a.server))
				r.leave(a)
			} else if a.phase == stopping && !a.active() {
				r.oracle.deaf(len(r.events), a.name)
			}
		}
	}
	return notes
}

// answer is what a probe said, by its exit status as init scripts have it, and
// the pid it named.
func (r *run) answer(a *actor) answer {
	status := a.first.status
	said := answer{running: status.ExitStatus() == 0, certain: status.Exited() && status.ExitStatus() <= 3}
	said.pid = number.FindString(string(slurp(r.outputOf(a))))
	if pid, err := strconv.Atoi(said.pid); err == nil && r.pids[pid] != nil {
		said.start = r.pids[pid].start
	}
	return said
}

var number = regexp.MustCompile(`[0-9]+`)

func ending(p *process) string {
	if p.status.Signaled() {
		return unix.SignalName(p.status.Signal())
	}
	return "exit " + strconv.Itoa(p.status.ExitStatus())
}

// alive counts the processes of this round.
func (r *run) alive(a *actor) int {
	n := 0
	for _, p := range a.procs {
		if !p.orphan {
			n++
		}
	}
	return n
}

func (r *run) isReady(a *actor) bool {
	switch {
	case r.ready != nil:
		return r.ready.Match(slurp(r.outputOf(a)))
	case r.settings.ready == "file":
		_, there := r.scene.entry(race.PIDFile)
		return there
	}
	return true
}

// serverOf is the process that is recorded, or else the oldest.
func (r *run) serverOf(a *actor) *process {
	e, _ := r.scene.entry(race.PIDFile)
	pid, _ := strconv.Atoi(strings.TrimSpace(firstLine(e.content)))
	var oldest *process
	for _, p := range a.procs {
		if p.orphan {
			continue
		}
		if p.pid == pid {
			return p
		}
		if oldest == nil {
			oldest = p
		}
	}
	return oldest
}

// show puts into an event what the pid file holds and who has its lock.
func (r *run) show(e *race.Event) {
	e.File = "-"
	if file, ok := r.scene.entry(race.PIDFile); ok {
		e.File, e.Inode = strings.TrimSuffix(r.mask(file.content), "\n"), file.object
	}
	locked := race.PIDFile
	if r.settings.lock != "" {
		locked = r.settings.lock
	}
	file, _ := r.scene.entry(locked)
	e.Lock = r.scene.holders(file.inode)
	var orphans []string
	for _, h := range r.scene.locks {
		text := fmt.Sprintf("%d %s", r.inodes[h.inode], r.scene.holders(h.inode))
		if !r.scene.named(h.inode) && !slices.Contains(orphans, text) {
			orphans = append(orphans, text)
		}
	}
	e.Orphans = strings.Join(orphans, ", ")
}

// view is what the oracle sees.
func (r *run) view(before scene) view {
	v := view{event: len(r.events) - 1, before: r.pidFile(before), after: r.pidFile(r.scene), over: true}
	for _, e := range r.scene.entries {
		v.left = append(v.left, e)
	}
	for _, a := range r.actors {
		s := standing{name: a.name, round: a.round, phase: a.phase}
		for _, h := range r.scene.locks {
			s.locks = s.locks || actorOf(h.lane) == a.name && !h.shared && r.exclusive[h.inode]
		}
		v.actors = append(v.actors, s)
		v.over = v.over && a.phase == absent && a.op() == ""
		v.helpers = v.helpers || slices.ContainsFunc(a.procs, func(p *process) bool { return p.orphan && p.next() != nil })
	}
	return v
}

func (r *run) pidFile(s scene) pidFile {
	e, ok := s.entry(race.PIDFile)
	return pidFile{there: ok, object: e.object, content: r.mask(e.content)}
}

func (r *run) Verdict() race.Verdict {
	return r.oracle.verdict
}
