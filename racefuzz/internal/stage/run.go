package stage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// run is a case being played.
type run struct {
	tier     *Tier
	world    world
	protocol mutant.Protocol
	c        race.Case
	faults   []race.Fault // those that the case allows

	actors  []*actor // in the case's order, and Next
	current *actor   // made the last step

	content string // of the pid file
	present bool   // whether the name exists
	inode   int    // the file that the name means, or 0
	inodes  int    // how many the name has meant
	removed int    // the file that was removed last, which can keep its name until all have closed it

	events  int
	judge   *judge.Judge
	victims []race.File // which are no pid files
	ended   bool        // all but Next have finished
	order   []int       // of the actors
	known   []uint64    // what the judge knows, for fingerprints
	moves   []race.Move
}

func newRun(t *Tier, w world, p mutant.Protocol, c race.Case) (*run, error) {
	r := &run{tier: t, world: w, protocol: p, c: c}
	if err := w.setup(substitute(c.Files)); err != nil {
		t.giveBack(c, w)
		return nil, err
	}
	w.stranger(strangerPID)
	for name := range strings.FieldsSeq(c.Options[OptionFaults]) {
		r.faults = append(r.faults, race.Fault("fail "+name))
	}
	r.look()
	for i, a := range c.Actors {
		r.actors = append(r.actors, &actor{run: r, index: i, name: a.Name, script: a.Script, pid: firstPID + i})
	}
	r.actors = append(r.actors, &actor{run: r, index: len(c.Actors), name: Next, script: []string{"acquire", "release"}, pid: firstPID + len(c.Actors)})
	r.judge = r.brief()
	for _, a := range r.actors {
		if c.Options[OptionPIDs] == "same" {
			a.pid = 1
		}
		a.start()
	}
	r.rests()
	return r, nil
}

// due returns the first actor that has responses which are no events yet, or
// nil.
func (r *run) due() *actor {
	for _, a := range r.actors {
		if len(a.responses) > 0 {
			return a
		}
	}
	return nil
}

// pids are what stands for pids in the content of a case's files.
var pids = strings.NewReplacer("{stranger}", strconv.Itoa(strangerPID), "{dead}", strconv.Itoa(deadPID))

func substitute(files []race.File) []race.File {
	var done []race.File
	for _, f := range files {
		f.Content = pids.Replace(f.Content)
		done = append(done, f)
	}
	return done
}

// look takes note of what the pid file's name means and holds.
func (r *run) look() {
	r.content, r.present = r.world.Content(race.PIDFile)
	named := r.present || r.world.Exists(race.PIDFile)
	switch {
	case !named:
		r.inode = 0
	case r.inode == 0:
		r.inodes++
		r.inode = r.inodes
	}
}

// named returns the number of the file that the pid file's name means, in the
// middle of a step that opened it.
func (r *run) named() int {
	if r.inode == 0 {
		r.look()
	}
	return r.inode
}

// Moves implements [race.Run]. An operation of a script that has returned says
// so before anything else happens; actors that wait are left out as long as
// others can move.
func (r *run) Moves() []race.Move {
	r.moves = r.moves[:0]
	if due := r.due(); due != nil {
		return append(r.moves, race.Move{Actor: due.name, Op: due.responses[0].op})
	}
	var able uint64
	for _, a := range r.actors[:len(r.actors)-1] {
		if a.able() {
			able |= 1 << a.index
		}
	}
	for _, a := range r.actors[:len(r.actors)-1] {
		if able&(1<<a.index) != 0 && able&a.owes == 0 || able == 0 && a.op != "" && !a.stuck {
			r.offer(a)
		}
	}
	if len(r.moves) > 0 {
		return r.moves
	}
	if next := r.actors[len(r.actors)-1]; next.op != "" && !next.stuck {
		r.moves = append(r.moves, race.Move{Actor: next.name, Op: next.op})
	}
	return r.moves
}

func (r *run) offer(a *actor) {
	r.moves = append(r.moves, race.Move{Actor: a.name, Op: a.op})
	if a.op == "crash" {
		return
	}
	r.moves = append(r.moves, race.Move{Actor: a.name, Op: a.op, Fault: race.Crash})
	for _, fault := range r.faults {
		if possible(fault, a.op) {
			r.moves = append(r.moves, race.Move{Actor: a.name, Op: a.op, Fault: fault})
		}
	}
}

func possible(fault race.Fault, op string) bool {
	for _, f := range faults {
		if f.fault == fault {
			return f.of&families[op] != 0
		}
	}
	return false
}

// Do implements [race.Run].
func (r *run) Do(m race.Move) (race.Event, error) {
	a := r.actor(m.Actor)
	if a == nil {
		return race.Event{}, fmt.Errorf("no actor %q", m.Actor)
	}
	if due := r.due(); due != nil {
		if a != due || m.Op != a.responses[0].op {
			return race.Event{}, fmt.Errorf("%s cannot %s now: %s %s comes first", m.Actor, m.Op, due.name, due.responses[0].op)
		}
		return r.returned(a), nil
	}
	if a.op != m.Op || a.op == "" {
		return race.Event{}, fmt.Errorf("%s cannot %s now", m.Actor, m.Op)
	}
	e := race.Event{Preempted: r.preempts(a, m)}
	r.events++
	looks := r.Foretell(m).OnlyLooks()
	made := made{op: a.op, operand: a.detail, scripted: a.scripted(), fault: m.Fault, before: r.state()}
	if a.doing == "" {
		r.begins(a, a.scripted())
	}
	if made.crashes() {
		e.Step = race.Step{Actor: m.Actor, Op: "crash"}
		a.crash()
	} else {
		a.fault, a.result = m.Fault, ""
		a.advance()
		a.fault = race.NoFault
		for _, x := range r.actors {
			if x.paused {
				x.moved |= 1 << a.index
				x.owes &^= 1 << a.index
			}
		}
		e.Step, e.Detail = race.Step{Actor: m.Actor, Op: m.Op, Result: a.result}, made.operand
		r.current = a
	}
	if !looks {
		r.look()
	}
	r.stepped(a, made)
	r.show(&e)
	return e, nil
}

// made is a step that an actor is about to make or has made.
type made struct {
	op       string
	operand  string
	scripted string // the operation of its script that it belongs to
	fault    race.Fault
	before   judge.File // the pid file before it
}

func (m made) crashes() bool { return m.fault == race.Crash || m.op == "crash" }

// returned makes the first response that a has an event.
func (r *run) returned(a *actor) race.Event {
	r.events++
	got := a.responses[0]
	a.responses = a.responses[1:]
	e := race.Event{Step: race.Step{Actor: a.name, Op: got.op, Result: got.result}}
	if got.err != nil {
		e.Detail = r.world.relative(got.err.Error())
	}
	r.returns(a, got)
	r.show(&e)
	return e
}

// preempts reports whether move m of a takes the turn from an actor that could have
// gone on. A crash takes no turn, and gives none back.
func (r *run) preempts(a *actor, m race.Move) bool {
	c := r.current
	if c == nil || c.op == "" || c.stuck || c.process.Parked() {
		r.current = nil
		return false
	}
	return c != a && m.Fault != race.Crash
}

func (r *run) actor(name string) *actor {
	for _, a := range r.actors {
		if a.name == name {
			return a
		}
	}
	return nil
}

// state is what the pid file's name means and holds.
func (r *run) state() judge.File {
	return judge.File{Object: r.inode, Content: r.content, Readable: r.present, Removed: r.inode != 0 && r.inode == r.removed}
}

// show fills in what the pid file is like after an event.
func (r *run) show(e *race.Event) {
	switch e.Inode = r.inode; {
	case r.present:
		e.File = r.content
	case r.inode != 0:
		e.File = "(unreadable)"
	default:
		e.File = "-"
	}
	for inode := 1; inode <= r.inodes; inode++ {
		switch who := r.lockers(inode); {
		case who == "":
		case inode == r.inode:
			e.Lock = who
		case e.Orphans == "":
			e.Orphans = strconv.Itoa(inode) + " " + who
		default:
			e.Orphans += ", " + strconv.Itoa(inode) + " " + who
		}
	}
}

// lockers says who has a lock on a file: "a" or "b c (shared)".
func (r *run) lockers(inode int) string {
	who, shared := "", false
	for _, a := range r.actors {
		for _, f := range a.files {
			if f.inode == inode && (f.exclusive || f.shared) {
				if who != "" {
					who += " "
				}
				who += a.name
				shared = f.shared
				break
			}
		}
	}
	if shared {
		who += " (shared)"
	}
	return who
}

// Verdict implements [race.Run].
func (r *run) Verdict() race.Verdict { return r.judge.Verdict() }

// Close implements [race.Run].
func (r *run) Close() error {
	if r.world == nil {
		return errors.New("closed twice")
	}
	for _, a := range r.actors {
		a.dead = true
		a.process.Die()
		a.end()
	}
	r.tier.giveBack(r.c, r.world)
	r.world = nil
	return nil
}

// Fingerprint implements [explore.Fingerprinter]: what the world is like, what
// each actor has learned, and what the judge knows. Actors are not alike.
func (r *run) Fingerprint(_ *explore.Cast, victim string) (state uint64, whole bool) {
	h := fingerprint(r.world.Fingerprint())
	for _, a := range r.actors {
		h = h.number(uint64(a.history)).number(uint64(a.at)).text(a.op).number(a.moved).number(a.owes)
	}
	if due := r.due(); due != nil {
		h = h.text(due.name)
	}
	r.known = r.judge.State(r.known[:0], r.order)
	for _, n := range r.known {
		h = h.number(n)
	}
	return uint64(h), victim == ""
}

// Foretell implements [explore.Foreteller]. Of what changes something it is not
// known what that is.
func (r *run) Foretell(m race.Move) explore.Footprint {
	return explore.Footprint{Unknown: m.Fault == race.Crash || !onlyLooks[m.Op]}
}

// onlyLooks are the steps that change nothing.
var onlyLooks = map[string]bool{"same": true, "read": true, "holds": true, "signal": true}
