package stage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// oracle judges a run after every step, and its history once it is over.
type oracle struct {
	verdict  race.Verdict
	claims   []claim // by actor
	victims  []race.File
	names    int  // in the directory at the start, the pid file not counted
	began    view // the pid file at the start
	odd      bool // something that is no pid file was in its place at the start
	unusable bool // and still is
	started  bool // some start succeeded
	crashed  bool
	faulted  bool // some call was made to fail
	ended    bool // all but Next have finished
	robbery  bool // somebody removed a file from under its holder
	removed  int  // the file that was removed last, which can keep its name until all have closed it
	history  []operation
	order    fingerprint // of the history: what returned, and what had returned when it began
}

// claim is what an actor may think of itself.
type claim struct {
	phase   phase
	op      string // the operation of its script that it is in, or ""
	pid     int
	robbed  int  // the file that somebody removed under it, or 0
	excused bool // that happened while it was stopping, when it may be too late to notice
	faulted bool // a call of the operation was made to fail

	// During a start: whether somebody else was a holder, or had a lock like
	// one, and whether somebody probed.
	contended, probed bool

	// During a probe: who held the file all the time, by actor; the pids of
	// those who could be called its holder at any time; and the pids that the
	// file has recorded in a complete line while nobody held it.
	throughout uint64
	holders    []int
	recorded   []int
	call       int         // index of the event that began it
	after      fingerprint // what the history was then
}

// endless is the length of a run in which somebody never comes to an end.
const endless = 2000

type phase int

const (
	idle phase = iota
	starting
	holding
	stopping
	uninstalling
)

func (o *oracle) begin(r *run) {
	o.claims = make([]claim, len(r.actors))
	o.began = r.state()
	for _, f := range substitute(r.c.Files) {
		switch {
		case f.Name == race.PIDFile:
			o.odd = f.Kind != race.Regular
			o.unusable = o.odd
			continue
		case f.Kind == race.Regular && f.Name != Store:
			o.victims = append(o.victims, f)
		}
		o.names++
	}
}

// fail sets the verdict. Of invariants that the same event breaks the first
// counts, so that checks are made in their order.
func (o *oracle) fail(r *run, i race.Invariant, format string, args ...any) {
	if !o.verdict.Broken() {
		o.verdict = race.Verdict{Invariant: i, Reason: fmt.Sprintf(format, args...), Event: max(r.events-1, 0)}
	}
}

// calls is told of a step that a is about to make.
func (o *oracle) calls(r *run, a *actor) {
	if o.claims[a.index].op == "" {
		o.begins(r, a, a.scripted())
	}
}

// begins is told that a begins an operation of its script.
func (o *oracle) begins(r *run, a *actor, op string) {
	c := &o.claims[a.index]
	switch op {
	case "acquire":
		*c = claim{phase: starting}
	case "uninstall":
		*c = claim{phase: uninstalling}
	case "release":
		c.faulted, c.excused = false, false
		if c.phase == holding {
			if o.lostName(r, a) && c.robbed == 0 {
				o.fail(r, race.ReadersFindTheHolder, "%s held the file, and no reader found it", a.name)
			}
			c.phase = stopping
		}
	case "probe":
		c.throughout, c.holders, c.recorded = ^uint64(0), c.holders[:0], c.recorded[:0]
		c.faulted = false
	case "check":
		c.faulted = false
	default:
		return
	}
	c.op, c.pid, c.call, c.after = op, a.pid, r.events-1, o.order
	o.watch(r)
}

// step is told of a step that a has made.
func (o *oracle) step(r *run, a *actor, m made) {
	c := &o.claims[a.index]
	before, after := m.before, r.state()
	removed := m.op == "remove" && a.result == "ok"
	harmed := o.harmed(r, a, before)
	switch {
	case m.crashes():
		o.crashed = true
		o.crash(a, c, r.events-1)
		*c = claim{}
	case m.fault != race.NoFault:
		o.faulted, c.faulted = true, true
	case removed && m.scripted == "remove":
		o.rob(r, before.inode)
		o.unusable = false
		harmed = nil
	}
	if removed && m.operand == race.PIDFile {
		o.removed = before.inode
	}
	o.watch(r)
	o.checkContent(r)
	if before != after && before.inode != 0 {
		o.checkChange(r, a, c, before, after, harmed)
	}
	if removed && m.operand == Store {
		for _, x := range r.actors {
			if x != a && o.claims[x.index].phase == holding {
				o.fail(r, race.UninstallSparesWhatIsUsed, "%s removes the store that %s uses", a.name, x.name)
			}
		}
	}
	for _, v := range o.victims {
		if text, ok := r.world.Content(v.Name); !ok || text != v.Content {
			o.fail(r, race.NothingIsClobbered, "%s changes %s, which is no pid file", a.name, v.Name)
		}
	}
	if a.stuck || r.events > endless {
		o.fail(r, race.NothingIsClobbered, "%s goes on for ever", a.name)
	}
	o.checkEnd(r)
}

// harmed returns somebody else whose file a must not touch, as things stand
// before its step.
func (o *oracle) harmed(r *run, a *actor, before view) *actor {
	for _, x := range r.actors {
		c := &o.claims[x.index]
		lockless := c.phase == holding && !x.tried
		if x != a && c.robbed == 0 && (lockless || c.phase != idle && x.locks(before.inode)) {
			return x
		}
	}
	return nil
}

// rob excuses all whose file somebody else has just removed.
func (o *oracle) rob(r *run, inode int) {
	for _, x := range r.actors {
		c := &o.claims[x.index]
		if c.phase == holding || c.phase != idle && x.locks(inode) {
			c.robbed, o.robbery = inode, true
			c.excused = c.phase == stopping
		}
	}
}

// watch keeps what starts and probes under way have met.
func (o *oracle) watch(r *run) {
	probing := slices.ContainsFunc(r.actors, func(a *actor) bool {
		return o.claims[a.index].op == "probe"
	})
	var through uint64
	for i := range o.claims {
		if o.claims[i].phase == holding && o.claims[i].robbed == 0 {
			through |= 1 << i
		}
	}
	for _, a := range r.actors {
		c := &o.claims[a.index]
		switch {
		case c.op == "":
		case c.phase == starting || c.phase == uninstalling:
			c.probed = c.probed || probing
			c.contended = c.contended || slices.ContainsFunc(r.actors, func(x *actor) bool { return x != a && o.rivals(x) })
		case c.op == "probe":
			c.throughout &= through
			for _, x := range r.actors {
				if o.rivals(x) && !slices.Contains(c.holders, x.pid) {
					c.holders = append(c.holders, x.pid)
				}
			}
			held := slices.ContainsFunc(r.actors, func(x *actor) bool { return x.locks(r.inode) })
			if pid := line(r.content); pid != 0 && !held && !slices.Contains(c.recorded, pid) {
				c.recorded = append(c.recorded, pid)
			}
		}
	}
}

// rivals reports whether x may be taken for the holder: because it is, or is
// about to stop, or has got the lock in its start. A start that knows no lock
// may be taken for it all the time.
func (o *oracle) rivals(x *actor) bool {
	switch o.claims[x.index].phase {
	case holding, stopping:
		return true
	case starting, uninstalling:
		return !x.tried || slices.ContainsFunc(x.files, func(f *file) bool { return f.exclusive })
	}
	return false
}

// returns is told that an operation of a's script has returned.
func (o *oracle) returns(r *run, a *actor, got response) {
	c := &o.claims[a.index]
	if c.op != got.op { // it took no step
		o.begins(r, a, got.op)
	}
	c.op = ""
	o.order = o.order.number(uint64(a.index)).text(got.op).text(got.result).number(uint64(c.after))
	o.note(a, c, got, r.events-1)
	switch got.op {
	case "acquire":
		o.checkStart(r, a, c, got)
	case "release":
		c.phase = idle
		o.checkGone(r, a, c, got)
	case "uninstall":
		c.phase = idle
		o.started = o.started || got.err == nil
		o.checkUninstall(r, a, c, got)
	case "check":
		o.checkCheck(r, a, c, got)
	case "probe":
		switch {
		case got.err == nil:
			o.checkProbe(r, a, c, got.status)
		case !c.faulted && !o.odd && !errors.Is(got.err, lock.ErrBusy):
			o.fail(r, race.ProbesTellTheTruth, "the probe of %s fails: %s", a.name, got.result)
		}
	}
	o.watch(r)
	o.checkEnd(r)
	if a.name == Next && got.op == "release" {
		o.checkLeftovers(r)
	}
	if a.name == Next && a.op == "" && !o.verdict.Broken() {
		o.judge(r)
	}
}

// fingerprint adds what the oracle remembers, the order of the history
// included: what is cut short because its state is known would have been judged
// alike.
func (o *oracle) fingerprint(h fingerprint) fingerprint {
	for i := range o.claims {
		c := &o.claims[i]
		h = h.number(uint64(c.phase)).number(uint64(c.robbed)).number(c.throughout)
		h = h.flags(c.op != "", c.excused, c.faulted, c.contended, c.probed)
		for _, pid := range c.holders {
			h = h.number(uint64(pid))
		}
		for _, pid := range c.recorded {
			h = h.number(uint64(-pid))
		}
		if c.op != "" {
			h = h.number(uint64(c.after))
		}
	}
	return h.number(uint64(o.order)).flags(o.unusable, o.started, o.crashed, o.faulted, o.ended)
}

var errBlocks = errors.New("waits for ever")
