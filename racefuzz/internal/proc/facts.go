package proc

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Only what can be seen from outside is known, and the judge is told only what
// certainly happened before what. Each observation began at one time and was
// over at another; the truth it tells is of some moment in between.
//
//   - A server that has said it is the holder holds the file from the end of
//     that answer until the moment before it is told to stop.
//   - It may hold the file from the moment before its start until the moment
//     after its end, except before it said that it was a standby.
//
// What a correct server shows on an overloaded machine, such as a start that
// takes seconds, never contradicts what is so concluded.

const never = time.Duration(math.MaxInt64)

// career is what is known of one server process, or of a command.
type career struct {
	actor string
	slot  int // among those that are there at the same time

	born  time.Duration // before its start
	holds time.Duration // its first word that it is the holder
	waits time.Duration // the last question that it answered as a standby
	told  time.Duration // before it was told to stop
	how   string        // it was told
	gone  time.Duration // known to have ended
	last  time.Duration // the last word from it

	answered bool // its first request, before it was told
	outlived bool // it did not obey, and was killed
	refused  bool // it has said that it is a standby
}

// certain is a fact and when it becomes certain. Of those that become so at the
// same time, the rank is the order: it keeps from concluding what need not be.
type certain struct {
	at   time.Duration
	rank int
	judge.Fact
}

// trial turns the events of a case into facts.
type trial struct {
	c       race.Case
	program bool
	usable  bool
	events  []event
	careers []*career // by the number of the life, less one
	slots   []time.Duration
	asks    []time.Duration
	facts   []certain
}

// verdict judges the events of one case, by the time at which they were over.
// Those are not in the order in which things happened, so that of all invariants
// that they break it names the foremost.
func verdict(c race.Case, events []event) race.Verdict {
	t := &trial{c: c, usable: usable(c), events: events}
	known, _ := programOf(c)
	t.program = known != nil
	t.follow()
	for i, e := range events {
		t.event(i, e)
	}
	slices.SortStableFunc(t.facts, func(a, b certain) int { return cmp.Or(cmp.Compare(a.at, b.at), a.rank-b.rank) })
	j := judge.New(t.promise(known), make([]string, max(len(t.slots)+len(t.asks), 1)))
	for _, f := range t.facts {
		if f.Window > 0 { // nobody who has a place looks
			f.Window += len(t.slots)
		}
		j.See(f.Fact)
	}
	return j.Verdict()
}

func (t *trial) promise(known *program.Program) judge.Promise {
	p := judge.Promise{Content: "{pid}\n", Tidy: true, PIDFile: t.c.PIDFile(), Found: judge.File{Object: judge.Hidden}, Odd: !t.usable}
	for _, f := range t.c.Files {
		p.Left = p.Left || f.Name == t.c.PIDFile()
		if f.Name == t.c.PIDFile() && f.Kind == race.Regular && !t.usable {
			p.Content = "" // some users can use it, though perhaps not this one
		}
	}
	if known != nil {
		p.Content, p.Program, p.Tidy = known.Content, true, false
	} else if t.c.Options[dirPerm] != "" {
		p.Content = ""
	}
	return p
}

// says reports whether e is a server's word that it is the holder, or a standby.
func says(e event, role string) bool {
	return (e.Op == opRole || e.Op == opReady) && e.Result == role
}

func isUninstall(op string) bool { return op == opUninstall || op == opForce || op == opCut }

// follow sums the careers up.
func (t *trial) follow() {
	for _, e := range t.events { // not in the order of their numbers
		for len(t.careers) < e.life {
			t.careers = append(t.careers, &career{})
		}
	}
	for _, e := range t.events {
		if e.life == 0 {
			continue
		}
		l := t.careers[e.life-1]
		switch {
		case e.Op == opStart:
			*l = career{actor: e.Actor, born: e.began, holds: never, waits: -1, told: never, gone: never}
		case e.Op == opInitialize && e.Result == ok:
			l.answered = e.Time < l.told
		case says(e, holder):
			l.holds = min(l.holds, e.Time)
		case says(e, standby):
			l.waits = e.began
		case isStop(e.Op):
			l.told, l.how = e.began, e.Op
		case e.Op == opOutlives:
			l.outlived = true
		case e.Op == opExit:
			l.gone = e.Time
		}
		if slices.Contains([]string{opRole, opReady, opAdd, opList, opInitialize}, e.Op) {
			l.last = e.Time
		}
	}
	for _, l := range t.careers {
		if l.how == "" && l.gone != never { // what it held, it held until its last word
			l.told = max(l.last, l.born)
		}
	}
}

// put puts down a fact that the i-th event shows.
func (t *trial) put(i int, at time.Duration, rank int, f judge.Fact) {
	f.Event = i
	t.facts = append(t.facts, certain{at, rank, f})
}

// Ranks of facts that become certain at the same time.
const (
	rankTold = iota
	rankStarts
	rankLooks
	rankFinds
	rankServes
	rankEnds
)

// taken returns the lowest place that is free from one time to another.
func taken(places *[]time.Duration, from, to time.Duration) int {
	for i, until := range *places {
		if until < from {
			(*places)[i] = to
			return i
		}
	}
	*places = append(*places, to)
	return len(*places) - 1
}

// window opens a window for the i-th event, and returns its number.
func (t *trial) window(i int, e event, kind judge.Kind, command bool) int {
	n := taken(&t.asks, e.began, e.Time) + 1
	t.put(i, e.began, rankLooks, judge.Fact{Kind: kind, Window: n, Open: command})
	return n
}

// event puts down what the i-th event shows.
func (t *trial) event(i int, e event) {
	var l *career
	if e.life > 0 {
		l = t.careers[e.life-1]
	}
	switch {
	case e.Op == opStart:
		t.begins(i, e, l)
	case says(e, holder):
		t.put(i, e.Time, rankServes, judge.Fact{Kind: judge.Serves, Who: l.slot, Window: t.window(i, e, judge.Looks, false)})
		if t.c.Options[dirPerm] != "" {
			t.put(i, e.Time, rankServes, judge.Fact{Kind: judge.Clobbers, Who: l.slot, Said: "uses a directory that is open to others"})
		}
	case says(e, standby) && !l.refused:
		l.refused = true
		f := judge.Fact{Kind: judge.Stands, Who: l.slot, Open: true, Said: standby}
		if !t.program {
			f.State = judge.Held
		}
		t.put(i, e.Time, rankServes, f)
	case isStop(e.Op):
		t.put(i, e.began, rankTold, judge.Fact{Kind: judge.Told, Who: l.slot, Open: e.Op == opHostAlone})
		t.put(i, e.began+drainTime, rankTold, judge.Fact{Kind: judge.Drained, Who: l.slot})
	case e.Op == opExit:
		t.exits(i, e, l)
	case isUninstall(e.Op):
		t.uninstalls(i, e)
	}
	if l != nil {
		t.answers(i, e, l)
	} else {
		t.seen(i, e)
	}
	if e.Op == opRole || e.Op == opProbe || e.Op == opStatus {
		t.asked(i, e)
	}
}

func (t *trial) begins(i int, e event, l *career) {
	l.slot = taken(&t.slots, l.born, l.gone)
	t.put(i, l.born, rankStarts, judge.Fact{Kind: judge.Begins, Who: l.slot, Name: l.actor, PID: e.pid})
	if l.waits >= 0 {
		t.put(i, l.born, rankStarts, judge.Fact{Kind: judge.Stands, Who: l.slot})
		t.put(i, l.waits, rankStarts, judge.Fact{Kind: judge.Wakes, Who: l.slot})
	}
	if l.how == "" && l.gone != never && l.holds != never {
		t.put(i, l.told, rankEnds, judge.Fact{Kind: judge.Told, Who: l.slot})
	}
}

// exits puts down the end of a server. In order it is if the server was told to
// and obeyed, and could: one that is ended by a signal before it said anything
// may have had no time to prepare for that.
func (t *trial) exits(i int, e event, l *career) {
	_, err := strconv.Atoi(e.Result)
	signalled := err != nil && e.Result != unknownExit
	if !t.program && l.how != opKill {
		f := judge.Fact{Kind: judge.Exits, Who: l.slot, Said: strings.TrimSpace(e.Result + " " + e.Detail)}
		f.Failed = e.Result != "0" && e.Result != unknownExit && l.answered
		f.Open = e.Result != "0" && strings.Contains(e.Detail, "error:")
		if l.how != "" {
			f.Said = fmt.Sprintf("%s after %s: %s", e.Result, l.how, e.Detail)
		}
		t.put(i, e.Time, rankEnds, f)
	}
	if l.answered && l.how != "" && e.Time-l.told < drainTime {
		t.owes(i, e, l)
	}
	f := judge.Fact{Kind: judge.Ends, Who: l.slot, State: judge.Held, Said: e.Result}
	early := signalled && l.holds == never && !l.refused
	refused := t.program && l.how == "" && l.holds == never
	if !refused && (!inOrder(l.how) || l.outlived || early) {
		f.Kind = judge.Crashes
	}
	t.put(i, e.Time, rankEnds, f)
}

// owes puts down the requests that a server had certainly read when it was told
// to stop, and did not answer, though it had the time to.
func (t *trial) owes(i int, e event, l *career) {
	if l.how == opKill || l.how == opHostDies || l.how == opHostAlone {
		return // nobody was there to read an answer
	}
	for _, text := range e.texts {
		if l.how == opEOF {
			t.put(i, e.Time, rankEnds, judge.Fact{Kind: judge.Mute, Who: l.slot, Said: fmt.Sprintf("never answered the request to add %q", text)})
		}
		t.put(i, e.Time, rankEnds, judge.Fact{Kind: judge.Owes, Who: l.slot, Name: text})
	}
}

// answers puts down what a server has answered, or has not.
func (t *trial) answers(i int, e event, l *career) {
	mute := func(said string) { t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Mute, Who: l.slot, Said: said}) }
	switch {
	case e.Op == opInitialize && e.Result == ok:
		t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Answered, Who: l.slot})
	case e.Op == opInitialize:
		mute("does not answer initialize: " + e.Result)
	case e.Op == opReady && e.Result == noAnswer:
		mute(fmt.Sprintf("is not ready after %v", answerTime))
	case e.Op == opOutlives:
		t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Outlives, Who: l.slot, Said: e.Result + " after " + l.how})
	case e.Op == opSettle && e.Result == nobody && t.usable:
		t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Idles, Who: l.slot, Said: t.succession().String()})
	case e.Op == opAdd:
		t.put(i, e.began, rankLooks, judge.Fact{Kind: judge.Adds, Who: l.slot, Name: e.texts[0]})
		if e.Result == ok {
			t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Stores, Who: l.slot, Name: e.texts[0]})
		} else {
			t.errs(i, e, l)
		}
	case e.Op == opList && strings.HasSuffix(e.Result, " memories"):
		t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Lists, Who: l.slot, Window: t.window(i, e, judge.Looks, false), Names: e.texts})
	case e.Op == opList, e.Op == opRole && e.Result != holder && e.Result != standby:
		t.errs(i, e, l)
	}
}

func (t *trial) errs(i int, e event, l *career) {
	t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Errs, Who: l.slot, Window: t.window(i, e, judge.Looks, false), Said: e.Op + " with: " + e.Result})
}

func (t *trial) succession() time.Duration {
	if t.program {
		return programSuccession
	}
	return succession
}

// asked puts down what somebody was told of who holds the file.
func (t *trial) asked(i int, e event) {
	said, kind := e.Result, judge.Asks
	if e.Op == opRole { // it looks on its own, and is in nobody's way
		kind = judge.Looks
		said = strings.TrimSuffix(strings.TrimPrefix(e.Detail, "(recorded: "), ")")
	}
	f := judge.Fact{Kind: judge.Answers, Window: t.window(i, e, kind, e.Op == opStatus), Name: e.Actor}
	f.Said, _, _ = strings.Cut(said, " ")
	switch f.Said {
	case lock.Held.String():
		f.State, f.PID = judge.Held, e.pid
	case lock.Absent.String(), lock.Stale.String():
		f.State = judge.Nobody
	case blocked:
		t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Clobbers, Name: e.Actor, Said: fmt.Sprintf("is not answered within %v", commandTime)})
	default:
		f.Failed, f.Said = e.Op != opRole, e.Result+" "+e.Detail
	}
	t.put(i, e.Time, rankFinds, f)
}

// seen puts down what was found in the case's directories.
func (t *trial) seen(i int, e event) {
	switch {
	case e.Op == opRead && t.usable:
		f := judge.Fact{Kind: judge.Saw, Window: t.window(i, e, judge.Looks, false)}
		if e.Result != noFile {
			f.File = judge.File{Object: cmp.Or(e.object, judge.Hidden), Readable: true}
			f.File.Content, _ = strconv.Unquote(e.Result)
		}
		t.put(i, e.Time, rankFinds, f)
	case e.Op == opLook && e.Result != nothing:
		window := t.window(i, e, judge.Looks, false)
		for _, name := range listed(e.Result) {
			t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Remains, Name: name, Window: window})
		}
	case e.Op == opHome && e.Result != nothing:
		t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Finds, Said: e.Result})
	case e.Op == opClobbered:
		t.put(i, e.Time, rankFinds, judge.Fact{Kind: judge.Clobbers, Name: e.Actor, Said: "finds that " + e.Result})
	}
}

// uninstalls puts down the beginning and the end of an uninstall. One that was
// to be killed may have been refused because of that.
func (t *trial) uninstalls(i int, e event) {
	slot := taken(&t.slots, e.began, e.Time)
	t.put(i, e.began, rankLooks, judge.Fact{Kind: judge.Visits, Who: slot, Name: e.Actor, PID: e.pid, Failed: e.Result == refused})
	f := judge.Fact{Kind: judge.Ends, Who: slot, Said: e.Detail}
	switch {
	case e.Result == finished:
		f.State = judge.Nobody
	case e.Result == refused:
		f.Failed = e.Op != opCut
	case e.Result == blocked:
		t.put(i, e.Time, rankEnds, judge.Fact{Kind: judge.Endless, Who: slot})
		f.Kind = judge.Crashes
	default:
		f.Kind = judge.Crashes
	}
	t.put(i, e.Time, rankEnds, f)
}
