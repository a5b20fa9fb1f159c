package proc

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// judgeProgram judges a program that nobody here wrote, by what it promises.
func (t *trial) judgeProgram() {
	t.holders()
	t.readings()
	t.remains()
	for i, e := range t.events {
		switch {
		case e.Op == opSettle && e.Result == nobody:
			t.breaks(i, race.AServerSucceeds, "%s has lived for %v, and the pid file names no server that lives", e.Actor, programSuccession)
		case e.Op == opOutlives:
			t.breaks(i, race.ServersAnswerAndStop, "%s still runs %s after %s", e.Actor, e.Result, t.careers[e.life-1].how)
		case e.Op == opReady && e.Result == noAnswer:
			t.breaks(i, race.ServersAnswerAndStop, "%s is not ready after %v", e.Actor, answerTime)
		case e.Op == opExit:
			t.refused(i, t.careers[e.life-1])
		}
	}
}

// refused looks for a start that was refused though nobody else can have had
// the file: all who were there meanwhile were refused as well.
func (t *trial) refused(i int, l *career) {
	if !l.refused() {
		return
	}
	found := slices.ContainsFunc(t.c.Files, func(f race.File) bool { return f.Name == t.c.PIDFile() })
	for _, other := range t.careers {
		if other == l || other.born > l.gone {
			continue
		}
		if other.gone > l.born {
			if !other.refused() {
				return
			}
			continue
		}
		found = found || !inOrder(other.how) && !other.refused() || other.outlived
	}
	if found {
		t.breaks(i, race.CrashesAreTakenOver, "%s is refused, and nobody serves", l)
	} else {
		t.breaks(i, race.LoneStartsSucceed, "%s is refused, and nobody serves", l)
	}
}

// refused reports whether l ended by itself and never served.
func (l *career) refused() bool { return l.how == "" && l.gone != never && l.holds == never }
