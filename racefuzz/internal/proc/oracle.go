package proc

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
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
	outlived bool          // it did not obey, and was killed
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
	profile *program.Program // nil for a server that is known
	usable  bool
	events  []event
	careers []*career // by the number of the life, less one
	verdict race.Verdict
}

// judge returns the first invariant, in their order, that the events break.
// The events are those of one case, by the time at which they were over.
func judge(c race.Case, events []event) race.Verdict {
	t := &trial{c: c, usable: usable(c), events: events}
	t.profile, _ = programOf(c)
	t.follow()
	if t.profile != nil {
		t.judgeProgram()
		return t.verdict
	}
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
	return slices.Index([]race.Invariant{race.OneHolder, race.ReadersFindTheHolder, race.NothingRemains, race.CrashesAreTakenOver, race.OnlyTheHolderChanges, race.ProbesTellTheTruth,
		race.LoneStartsSucceed, race.AServerSucceeds, race.ServersAnswerAndStop, race.UninstallSparesWhatIsUsed, race.NothingIsClobbered}, inv)
}

// says reports whether e is a server's word that it is the holder, or a standby.
func says(e event, role string) bool {
	return (e.Op == opRole || e.Op == opReady) && e.Result == role
}

// follow sums the careers up.
func (t *trial) follow() {
	for _, e := range t.events { // not in the order of their numbers
		for len(t.careers) < e.life {
			t.careers = append(t.careers, nil)
		}
	}
	for _, e := range t.events {
		if e.life == 0 {
			continue
		}
		if e.Op == opStart {
			t.careers[e.life-1] = &career{actor: e.Actor, pid: e.pid, born: e.began,
				answered: never, holds: never, waits: -1, told: never, gone: never}
			continue
		}
		l := t.careers[e.life-1]
		switch {
		case e.Op == opInitialize && e.Result == ok:
			l.answered = e.Time
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
		if e.Op == opRole || e.Op == opReady || e.Op == opAdd || e.Op == opList || e.Op == opInitialize {
			l.last = e.Time
		}
	}
	for _, l := range t.careers {
		if l.how == "" && l.gone != never { // what it held, it held until its last word
			l.told = max(l.last, l.born)
		}
	}
}
