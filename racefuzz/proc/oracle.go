package proc

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/race"
)

// The oracle knows only what can be seen from outside, and concludes only
// from what certainly happened before what. Each observation began at one
// time and was over at another; the truth it tells is of some moment in
// between.
//
//   - A server that has said it is the holder holds the file from the end of
//     that answer until the moment before it is told to stop.
//   - It may hold the file from the moment before its start until the moment
//     after its end, except before it said that it was a standby.
//
// What a correct server shows on an overloaded machine, such as a start that
// takes seconds, never contradicts what is so concluded.

const never = time.Duration(math.MaxInt64)

// career is what is known of one server process.
type career struct {
	actor string
	pid   int

	born     time.Duration // before its start
	answered time.Duration // initialize
	holds    time.Duration // its first word that it is the holder
	waits    time.Duration // the last question that it answered as a standby
	told     time.Duration // before it was told to stop
	how      string        // it was told
	gone     time.Duration // known to have ended
	last     time.Duration // the last word from it
}

func (l *career) String() string { return l.actor }

// held reports whether l certainly held the file from began to end.
func (l *career) held(began, end time.Duration) bool { return l.holds < began && end < l.told }

// couldHold reports whether l possibly held the file at a moment between
// began and end.
func (l *career) couldHold(began, end time.Duration) bool {
	return l.born < end && began < l.gone && l.waits < end
}

// trial is a case before the oracle.
type trial struct {
	c       race.Case
	usable  bool
	events  []event
	careers []*career // by the number of the life, less one
	verdict race.Verdict
}

// judge returns the first invariant, in their order, that the events break.
// The events are those of one case, by the time at which they were over.
func judge(c race.Case, events []event) race.Verdict {
	t := &trial{c: c, usable: usable(c), events: events}
	t.follow()
	t.stops()
	t.found()
	if t.usable {
		t.holders()
		t.readings()
		t.probes()
		t.starts()
		t.remains()
		t.memories()
		t.uninstalls()
	}
	return t.verdict
}

// breaks takes note that the i-th event breaks an invariant.
func (t *trial) breaks(i int, inv race.Invariant, format string, args ...any) {
	v := race.Verdict{Invariant: inv, Reason: fmt.Sprintf(format, args...), Event: i}
	if !t.verdict.Broken() || rank(inv) < rank(t.verdict.Invariant) {
		t.verdict = v
	}
}

func rank(inv race.Invariant) int {
	return slices.Index([]race.Invariant{race.I1, race.I2, race.I3, race.I4, race.I5, race.I6,
		race.I7, race.I8, race.I9, race.I10, race.I11}, inv)
}

// follow sums the careers up.
func (t *trial) follow() {
	for _, e := range t.events {
		if e.life == 0 {
			continue
		}
		if e.Op == opStart {
			t.careers = append(t.careers, &career{actor: e.Actor, pid: e.pid, born: e.began,
				answered: never, holds: never, waits: -1, told: never, gone: never})
			continue
		}
		l := t.careers[e.life-1]
		switch {
		case e.Op == opInitialize && e.Result == ok:
			l.answered = e.Time
		case e.Op == opRole && e.Result == holder:
			l.holds = min(l.holds, e.Time)
		case e.Op == opRole && e.Result == standby:
			l.waits = e.began
		case isStop(e.Op):
			l.told, l.how = e.began, e.Op
		case e.Op == opExit:
			l.gone = e.Time
		}
		if e.Op == opRole || e.Op == opAdd || e.Op == opList || e.Op == opInitialize {
			l.last = e.Time
		}
	}
	for _, l := range t.careers {
		if l.how == "" && l.gone != never { // what it held, it held until its last word
			l.told = max(l.last, l.born)
		}
	}
}

// holders looks for two at a time.
func (t *trial) holders() {
	for i, e := range t.events {
		if e.Op != opRole || e.Result != holder {
			continue
		}
		for n, l := range t.careers {
			if n+1 != e.life && l.held(e.began, e.Time) {
				t.breaks(i, race.I1, "%s says that it is the holder while %s is", e.Actor, l)
			}
		}
	}
}

// readings compares what was read with who held the file meanwhile.
func (t *trial) readings() {
	for i, e := range t.events {
		if e.Op != opRead {
			continue
		}
		for _, l := range t.careers {
			switch {
			case !l.held(e.began, e.Time) || e.Result == strconv.Quote(fmt.Sprintln(l.pid)):
			case e.Result == noFile:
				t.breaks(i, race.I5, "the pid file is gone while %s holds it", l)
			default:
				t.breaks(i, race.I2, "the pid file says %s while %s (%d) holds it", e.Result, l, l.pid)
			}
		}
	}
}

// remains looks at what was left when nobody was there.
func (t *trial) remains() {
	for i, e := range t.events {
		if e.Op != opLook || e.Result == nothing || !t.quiet(e.began) {
			continue
		}
		t.breaks(i, race.I3, "all have stopped in order, and there is still %s", e.Result)
	}
}

// quiet reports whether at a moment all servers had ended, and the last of
// them that held the file, which came after all that were killed, in order.
func (t *trial) quiet(at time.Duration) bool {
	var held bool
	var crash, start time.Duration
	for _, l := range t.careers {
		if l.born > at {
			continue
		}
		if l.gone > at {
			return false
		}
		if !inOrder(l.how) {
			crash = max(crash, l.gone)
		}
		if l.holds != never {
			held, start = true, max(start, l.born)
		}
	}
	for _, e := range t.events {
		if e.began < at && isUninstall(e.Op) {
			if e.Time > at {
				return false
			}
			if e.Result != done && e.Result != refused {
				crash = max(crash, e.Time)
			}
		}
	}
	return held && crash < start
}

func isUninstall(op string) bool { return op == opUninstall || op == opForce || op == opCut }

// probes compares what is said of the holder with who was.
func (t *trial) probes() {
	for i, e := range t.events {
		switch e.Op {
		case opProbe, opStatus:
			t.probe(i, e, e.Result)
		case opRole:
			said := strings.TrimSuffix(strings.TrimPrefix(e.Detail, "(recorded: "), ")")
			t.probe(i, e, said)
		}
	}
}

func (t *trial) probe(i int, e event, said string) {
	state, _, _ := strings.Cut(said, " ")
	switch state {
	case lock.Held.String():
		if e.pid == 0 && !t.anybody(e.began, e.Time, 0) {
			t.breaks(i, race.I6, "%s is told that somebody holds the pid file, and nobody does", e.Actor)
		}
		if e.pid != 0 && !t.anybody(e.began, e.Time, e.pid) {
			t.breaks(i, race.I6, "%s is told that %d holds the pid file, and it does not", e.Actor, e.pid)
		}
	case lock.Absent.String(), lock.Stale.String():
		for _, l := range t.careers {
			if l.held(e.began, e.Time) {
				t.breaks(i, race.I6, "%s is told that nobody holds the pid file while %s does", e.Actor, l)
			}
		}
	case blocked: // see found
	default:
		if e.Op != opRole {
			t.breaks(i, race.I6, "%s gets no answer: %s %s", e.Actor, e.Result, e.Detail)
		}
	}
}

// anybody reports whether a process, that one unless pid is 0, possibly held
// the file at a moment between began and end.
func (t *trial) anybody(began, end time.Duration, pid int) bool {
	for _, l := range t.careers {
		if (pid == 0 || pid == l.pid) && l.couldHold(began, end) {
			return true
		}
	}
	for _, u := range t.events {
		if isUninstall(u.Op) && (pid == 0 || pid == u.pid) && u.began < end && began < u.Time {
			return true
		}
	}
	return false
}

// starts looks for servers that were refused although nobody held the file,
// and for those that nobody came to record.
func (t *trial) starts() {
	judged := map[int]bool{}
	for i, e := range t.events {
		switch {
		case e.Op == opSettle && e.Result == nobody:
			t.breaks(i, race.I8, "%s has lived for %v, and the pid file names no server that lives", e.Actor, succession)
		case e.Op == opRole && !judged[e.life]:
			judged[e.life] = true
			l := t.careers[e.life-1]
			if e.Result != standby || !t.alone(l, e.Time) {
				continue
			}
			if l.holds == never {
				t.breaks(i, race.I4, "%s could not become the holder, and nobody else was", l)
			} else {
				t.breaks(i, race.I7, "%s was refused at its start, and nobody was the holder", l)
			}
		}
	}
}

// alone reports whether nobody but l can have held the file between l's start
// and end.
func (t *trial) alone(l *career, end time.Duration) bool {
	for _, other := range t.careers {
		if other != l && other.couldHold(l.born, end) {
			return false
		}
	}
	return !slices.ContainsFunc(t.events, func(u event) bool {
		return isUninstall(u.Op) && u.began < end && l.born < u.Time
	})
}

// stops judges how servers began and ended.
func (t *trial) stops() {
	for i, e := range t.events {
		switch {
		case e.Op == opInitialize && e.Result != ok:
			t.breaks(i, race.I9, "%s does not answer initialize: %s", e.Actor, e.Result)
		case e.Op == opOutlives:
			l := t.careers[e.life-1]
			if l.how == opHostAlone && l.told < l.answered {
				continue // it may have come to life after its host's death, and cannot know
			}
			t.breaks(i, race.I9, "%s still runs %v after %s", l, stopTime, l.how)
		case e.Op == opExit:
			t.exit(i, e, t.careers[e.life-1])
		case (e.Op == opAdd || e.Op == opList || e.Op == opRole) && t.usable && t.failed(e):
			t.breaks(i, race.I9, "%s answers %s with: %s", e.Actor, e.Op, e.Result)
		}
	}
}

// failed reports whether a tool failed without need.
func (t *trial) failed(e event) bool {
	switch {
	case e.Op == opAdd && e.Result == ok,
		e.Op == opList && strings.HasSuffix(e.Result, " memories"),
		e.Op == opRole && (e.Result == holder || e.Result == standby):
		return false
	}
	return !slices.ContainsFunc(t.events, func(u event) bool {
		return isUninstall(u.Op) && u.began < e.Time && e.began < u.Time
	})
}

func (t *trial) exit(i int, e event, l *career) {
	switch {
	case l.how == opKill:
	case l.how == "" && t.usable:
		t.breaks(i, race.I9, "%s ended by itself: %s %s", l, e.Result, e.Detail)
	case l.how == "":
		if e.Result == "0" || !strings.Contains(e.Detail, "error:") {
			t.breaks(i, race.I11, "%s ended with exit code %s and without an error", l, e.Result)
		}
	case t.usable && l.answered < l.told && e.Result != "0" && e.Result != unknownExit:
		t.breaks(i, race.I9, "%s ended with %s after %s: %s", l, e.Result, l.how, e.Detail)
	}
	if l.answered < l.told && e.Time-l.told < drainTime {
		t.unanswered(i, e, l)
	}
}

// unanswered looks for requests that l certainly had read when it was told to
// stop, and did not answer, though it had the time to.
func (t *trial) unanswered(i int, e event, l *career) {
	if l.how == opKill || l.how == opHostDies || l.how == opHostAlone || l.how == "" {
		return // nobody was there to read an answer
	}
	for _, text := range e.texts {
		if l.how == opEOF {
			t.breaks(i, race.I9, "%s never answered the request to add %q", l, text)
		}
		for _, g := range t.events {
			if g.Op == opList && slices.Contains(g.texts, text) {
				t.breaks(i, race.I9, "%s added %q and never answered", l, text)
			}
		}
	}
}

// memories looks for those that were acknowledged and are gone.
func (t *trial) memories() {
	for i, g := range t.events {
		if g.Op != opList || !strings.HasSuffix(g.Result, " memories") {
			continue
		}
		for _, a := range t.events {
			if a.Op != opAdd || a.Result != ok || a.Time > g.began || slices.Contains(g.texts, a.texts[0]) {
				continue
			}
			if !t.removed(a, g) {
				t.breaks(i, race.I10, "%q was acknowledged to %s and is not in the store", a.texts[0], a.Actor)
			}
		}
	}
}

// removed reports whether an uninstall may have removed what was added, so
// that a list does not have it. It may only once the server that added it has
// been told to stop: until then that one has the store open.
func (t *trial) removed(added, list event) bool {
	told := t.careers[added.life-1].told
	return slices.ContainsFunc(t.events, func(u event) bool {
		return isUninstall(u.Op) && u.Result != refused && u.Time > added.began && u.Time > told && u.began < list.Time
	})
}

// uninstalls judges the command.
func (t *trial) uninstalls() {
	for i, u := range t.events {
		switch {
		case u.Op == opHome && u.Result != nothing && t.finished(i):
			t.breaks(i, race.I10, "uninstall is done, and there is still %s", u.Result)
		case !isUninstall(u.Op):
		case u.Result == done:
			t.uninstalled(i, u)
		case u.Result == blocked:
			t.breaks(i, race.I10, "uninstall takes longer than %v", commandTime)
		case u.Result == refused && u.Op != opCut && !t.busy(u):
			t.breaks(i, race.I10, "uninstall refuses though nobody uses the store: %s", u.Detail)
		}
	}
}

// uninstalled looks for a store that was in use all the time.
func (t *trial) uninstalled(i int, u event) {
	for _, a := range t.events {
		if a.Op == opAdd && a.Result == ok && a.Time < u.began && u.Time < t.careers[a.life-1].told {
			t.breaks(i, race.I10, "uninstall is done while %s has the store open", a.Actor)
		}
	}
}

// busy reports whether anybody may have had to do with the store or the pid
// file during u.
func (t *trial) busy(u event) bool {
	for _, l := range t.careers {
		if l.born < u.Time && u.began < l.gone {
			return true
		}
	}
	return slices.ContainsFunc(t.events, func(o event) bool {
		return (isUninstall(o.Op) || o.Op == opStatus) && o.began != u.began && o.began < u.Time && u.began < o.Time
	})
}

// finished reports whether the last word before the i-th event was that of an
// uninstall that is done, with no server started after it.
func (t *trial) finished(i int) bool {
	for _, e := range slices.Backward(t.events[:i]) {
		switch {
		case isUninstall(e.Op):
			return e.Result == done && !t.busy(e)
		case e.Op == opStart:
			return false
		}
	}
	return false
}

// found judges what must hold wherever the pid file is unusable, too.
func (t *trial) found() {
	for i, e := range t.events {
		switch {
		case e.Op == opClobbered:
			t.breaks(i, race.I11, "%s", e.Result)
		case e.Result == blocked && (e.Op == opProbe || e.Op == opStatus):
			t.breaks(i, race.I11, "a probe takes longer than %v", commandTime)
		case e.Op == opRole && e.Result == holder && t.c.Options[dirPerm] != "":
			t.breaks(i, race.I11, "%s uses a directory that is open to others", e.Actor)
		case e.Op == opRole && e.Result == holder && !t.usable && !t.writable():
			t.breaks(i, race.I11, "%s says that it holds what is no regular file", e.Actor)
		}
	}
}

// writable reports whether the case's pid file is a file that can be used by
// some users though perhaps not by this one.
func (t *trial) writable() bool {
	for _, f := range t.c.Files {
		if f.Name == race.PIDFile {
			return f.Kind == race.Regular
		}
	}
	return true
}
