package proc

import (
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// stops judges how servers began and ended.
func (t *trial) stops() {
	for i, e := range t.events {
		switch {
		case e.Op == opInitialize && e.Result != ok:
			t.breaks(i, race.ServersAnswerAndStop, "%s does not answer initialize: %s", e.Actor, e.Result)
		case e.Op == opOutlives:
			l := t.careers[e.life-1]
			if l.how == opHostAlone && l.told < l.answered {
				continue // it may have come to life after its host's death, and cannot know
			}
			t.breaks(i, race.ServersAnswerAndStop, "%s still runs %v after %s", l, stopTime, l.how)
		case e.Op == opExit:
			t.exit(i, e, t.careers[e.life-1])
		case (e.Op == opAdd || e.Op == opList || e.Op == opRole) && t.usable && t.failed(e):
			t.breaks(i, race.ServersAnswerAndStop, "%s answers %s with: %s", e.Actor, e.Op, e.Result)
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
	if e.Time-t.careers[e.life-1].told >= drainTime {
		return false // a server that was told to stop gives up what it has in hand by then
	}
	return !slices.ContainsFunc(t.events, func(u event) bool {
		return isUninstall(u.Op) && u.began < e.Time && e.began < u.Time
	})
}

func (t *trial) exit(i int, e event, l *career) {
	switch {
	case l.how == opKill:
	case l.how == "" && t.usable:
		t.breaks(i, race.ServersAnswerAndStop, "%s ended by itself: %s %s", l, e.Result, e.Detail)
	case l.how == "":
		if e.Result == "0" || !strings.Contains(e.Detail, "error:") {
			t.breaks(i, race.NothingIsClobbered, "%s ended with exit code %s and without an error", l, e.Result)
		}
	case t.usable && l.answered < l.told && e.Result != "0" && e.Result != unknownExit:
		t.breaks(i, race.ServersAnswerAndStop, "%s ended with %s after %s: %s", l, e.Result, l.how, e.Detail)
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
			t.breaks(i, race.ServersAnswerAndStop, "%s never answered the request to add %q", l, text)
		}
		for _, g := range t.events {
			if g.Op == opList && slices.Contains(g.texts, text) {
				t.breaks(i, race.ServersAnswerAndStop, "%s added %q and never answered", l, text)
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
				t.breaks(i, race.UninstallSparesWhatIsUsed, "%q was acknowledged to %s and is not in the store", a.texts[0], a.Actor)
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
		case u.Op == opHome && u.Result != nothing && t.over(i):
			t.breaks(i, race.UninstallSparesWhatIsUsed, "uninstall is done, and there is still %s", u.Result)
		case !isUninstall(u.Op):
		case u.Result == finished:
			t.uninstalled(i, u)
		case u.Result == blocked:
			t.breaks(i, race.UninstallSparesWhatIsUsed, "uninstall takes longer than %v", commandTime)
		case u.Result == refused && u.Op != opCut && !t.busy(u):
			t.breaks(i, race.UninstallSparesWhatIsUsed, "uninstall refuses though nobody uses the store: %s", u.Detail)
		}
	}
}

// uninstalled looks for a store that was in use all the time.
func (t *trial) uninstalled(i int, u event) {
	for _, a := range t.events {
		if a.Op == opAdd && a.Result == ok && a.Time < u.began && u.Time < t.careers[a.life-1].told {
			t.breaks(i, race.UninstallSparesWhatIsUsed, "uninstall is done while %s has the store open", a.Actor)
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

// over reports whether the last word before the i-th event was that of an
// uninstall that is done, with no server started after it.
func (t *trial) over(i int) bool {
	for _, e := range slices.Backward(t.events[:i]) {
		switch {
		case isUninstall(e.Op):
			return e.Result == finished && !t.busy(e)
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
			t.breaks(i, race.NothingIsClobbered, "%s", e.Result)
		case e.Result == blocked && (e.Op == opProbe || e.Op == opStatus):
			t.breaks(i, race.NothingIsClobbered, "a probe takes longer than %v", commandTime)
		case e.Op == opRole && e.Result == holder && t.c.Options[dirPerm] != "":
			t.breaks(i, race.NothingIsClobbered, "%s uses a directory that is open to others", e.Actor)
		case e.Op == opRole && e.Result == holder && !t.usable && !t.writable():
			t.breaks(i, race.NothingIsClobbered, "%s says that it holds what is no regular file", e.Actor)
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
