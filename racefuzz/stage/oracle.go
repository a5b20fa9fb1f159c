package stage

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/race"
)

// oracle judges a run after every step. What it needs to remember is part of
// the run's fingerprint.
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
	history  []operation
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
	// file has recorded in a complete line.
	throughout uint64
	holders    []int
	recorded   []int
	call       int // index of the event that began it
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
	c := &o.claims[a.index]
	if c.op != "" {
		return
	}
	op := a.scripted()
	switch op {
	case "acquire":
		*c = claim{phase: starting}
	case "uninstall":
		*c = claim{phase: uninstalling}
	case "release":
		c.faulted, c.excused = false, false
		if c.phase == holding {
			if o.lostName(r, a) && c.robbed == 0 {
				o.fail(r, race.I2, "%s held the file, and no reader found it", a.name)
			}
			c.phase = stopping
		}
	case "probe":
		c.throughout, c.holders, c.recorded = ^uint64(0), c.holders[:0], c.recorded[:0]
	case "check":
	default:
		return
	}
	c.op, c.pid, c.call = op, a.pid, r.events-1
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
	o.watch(r)
	o.checkContent(r)
	if before != after && before.inode != 0 {
		o.checkChange(r, a, c, before, after, harmed)
	}
	if removed && m.operand == Store {
		for _, x := range r.actors {
			if x != a && o.claims[x.index].phase == holding {
				o.fail(r, race.I10, "%s removes the store that %s uses", a.name, x.name)
			}
		}
	}
	for _, v := range o.victims {
		if text, ok := r.world.Content(v.Name); !ok || text != v.Content {
			o.fail(r, race.I11, "%s changes %s, which is no pid file", a.name, v.Name)
		}
	}
	if a.stuck || r.events > endless {
		o.fail(r, race.I11, "%s goes on for ever", a.name)
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
			if pid := line(r.content); pid != 0 && !slices.Contains(c.recorded, pid) {
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

// checkContent compares the file with its holders.
func (o *oracle) checkContent(r *run) {
	for _, x := range r.actors {
		c := &o.claims[x.index]
		if c.phase != holding || c.robbed != 0 || r.inode == 0 || o.lostName(r, x) {
			continue
		}
		if want := pidLine(x.pid); !r.present || r.content != want {
			o.fail(r, race.I2, "%s holds the file, and a reader finds %s instead of %d", x.name, r.state().shown(), x.pid)
		}
	}
}

// lostName reports whether what x has locked is not the file that the name
// means. Sooner or later somebody else then becomes the holder, or x stops.
func (o *oracle) lostName(r *run, x *actor) bool {
	locks := slices.ContainsFunc(x.files, func(f *file) bool { return f.exclusive })
	return locks && !x.locks(r.inode)
}

// checkChange judges what a did to the file.
func (o *oracle) checkChange(r *run, a *actor, c *claim, before, after view, harmed *actor) {
	torn := c.phase == starting && !c.faulted && before.inode == after.inode &&
		before.content != "" && !strings.HasPrefix(after.content, pidLine(a.pid))
	switch {
	case torn && after.content != before.content:
		o.fail(r, race.I2, "while %s starts, a reader finds %s", a.name, after.shown())
	case harmed == nil:
	case c.excused:
		o.rob(r, before.inode)
	case after.inode == before.inode:
		o.fail(r, race.I5, "%s changes the file of %s", a.name, harmed.name)
	default:
		o.fail(r, race.I5, "%s removes the file of %s", a.name, harmed.name)
	}
}

// checkEnd judges what is left when all, or all but Next, have finished.
func (o *oracle) checkEnd(r *run) {
	if o.ended || o.verdict.Broken() {
		return
	}
	for _, a := range r.actors[:len(r.actors)-1] {
		if a.op != "" || a.response.op != "" {
			return
		}
	}
	o.ended = true
	if !o.crashed && !o.faulted {
		o.checkLeftovers(r)
	}
}

// checkLeftovers finds what should be gone once all have stopped in order. A
// file that was there before and that nobody took over may stay.
func (o *oracle) checkLeftovers(r *run) {
	for i := range o.claims {
		if o.claims[i].phase == holding {
			return
		}
	}
	untouched := r.state() == o.began && !o.started
	names := len(r.world.Names())
	switch {
	case r.inode != 0 && !untouched && !o.unusable:
		o.fail(r, race.I3, "all have stopped, and the pid file is left with %s", r.state().shown())
	case r.inode != 0 && names-1 > o.names || r.inode == 0 && names > o.names:
		o.fail(r, race.I3, "all have stopped, and another file is left")
	}
}

// returns is told that an operation of a's script has returned.
func (o *oracle) returns(r *run, a *actor, got response) {
	c := &o.claims[a.index]
	c.op = ""
	o.note(a, c, got, r.events-1)
	switch got.op {
	case "acquire":
		o.checkStart(r, a, c, got)
	case "release":
		c.phase = idle
		o.checkFault(r, a, c, got)
	case "uninstall":
		c.phase = idle
		o.started = o.started || got.err == nil
	case "probe":
		if got.err == nil {
			o.checkProbe(r, a, c, got.status)
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

func (o *oracle) checkStart(r *run, a *actor, c *claim, got response) {
	if got.err != nil {
		c.phase = idle
		o.checkRefusal(r, a, c, got)
		o.checkFault(r, a, c, got)
		return
	}
	c.phase, o.started = holding, true
	if c.robbed != 0 && a.tried && !a.locks(c.robbed) {
		c.robbed = 0
	}
	for _, x := range r.actors {
		if d := &o.claims[x.index]; x != a && d.phase == holding && d.robbed == 0 && c.robbed == 0 {
			first, second := min(x.name, a.name), max(x.name, a.name)
			if x.name == Next || a.name == Next {
				first, second = x.name, a.name
			}
			o.fail(r, race.I1, "%s and %s both hold the file", first, second)
		}
	}
	o.checkContent(r)
	if o.unusable {
		o.fail(r, race.I11, "%s takes what is no pid file for one", a.name)
	}
}

// checkRefusal judges a start that failed.
func (o *oracle) checkRefusal(r *run, a *actor, c *claim, got response) {
	switch {
	case c.contended || c.faulted || o.unusable:
	case c.probed:
		o.fail(r, race.I7, "%s starts alone and fails because of a probe: %s", a.name, got.result)
	default:
		o.fail(r, race.I4, "%s starts alone and fails: %s", a.name, got.result)
	}
}

// checkFault judges what an operation leaves that reported an error.
func (o *oracle) checkFault(r *run, a *actor, c *claim, got response) {
	switch {
	case got.err == nil:
	case a.tried && len(a.files) > 0:
		o.fail(r, race.I11, "%s reports %s and keeps the file open", a.name, got.result)
	case c.faulted && r.present && r.content == pidLine(a.pid):
		o.fail(r, race.I11, "%s reports %s and stays recorded", a.name, got.result)
	}
}

func (o *oracle) checkProbe(r *run, a *actor, c *claim, s lock.Status) {
	if s.State != lock.Held {
		for i, x := range r.actors {
			if c.throughout&(1<<i) != 0 {
				o.fail(r, race.I6, "the probe of %s finds %s, while %s is the holder", a.name, s.State, x.name)
			}
		}
		if s.PID != 0 && !slices.Contains(c.recorded, s.PID) {
			o.fail(r, race.I6, "the probe of %s reads the pid %d, which the file does not record", a.name, s.PID)
		}
		return
	}
	switch {
	case len(c.holders) == 0:
		o.fail(r, race.I6, "the probe of %s finds the file held, and nobody holds it", a.name)
	case s.PID != 0 && !slices.Contains(c.holders, s.PID):
		o.fail(r, race.I6, "the probe of %s names process %d, which was no holder", a.name, s.PID)
	}
}

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
	}
	return h.flags(o.unusable, o.started, o.crashed, o.faulted, o.ended)
}

func pidLine(pid int) string { return strconv.Itoa(pid) + "\n" }

// line returns the pid in the first line of a file, or 0.
func line(content string) int {
	text, _, complete := strings.Cut(content, "\n")
	pid, err := strconv.Atoi(text)
	if err != nil || !complete || strconv.Itoa(pid) != text {
		return 0
	}
	return pid
}

// shown is what a reader finds, for people.
func (v view) shown() string {
	switch {
	case v.present:
		return strconv.Quote(v.content)
	case v.inode != 0:
		return "nothing it can read"
	}
	return "no file"
}

var errBlocks = errors.New("waits for ever")
