package proc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// holders looks for two at a time.
func (t *trial) holders() {
	for i, e := range t.events {
		if !says(e, holder) {
			continue
		}
		for n, l := range t.careers {
			if n+1 != e.life && l.held(e.began, e.Time) {
				if t.profile != nil {
					t.breaks(i, race.OneHolder, "%s serves while %s does", e.Actor, l)
				} else {
					t.breaks(i, race.OneHolder, "%s says that it is the holder while %s is", e.Actor, l)
				}
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
			case !l.held(e.began, e.Time) || t.keeps(e.Result, l):
			case e.Result == noFile:
				t.breaks(i, race.OnlyTheHolderChanges, "the pid file is gone while %s holds it", l)
			default:
				t.breaks(i, race.ReadersFindTheHolder, "the pid file says %s while %s (%d) holds it", e.Result, l, l.pid)
			}
		}
	}
}

// keeps reports whether what was read of the pid file is what it says while l
// holds it.
func (t *trial) keeps(read string, l *career) bool {
	if t.profile == nil {
		return read == strconv.Quote(fmt.Sprintln(l.pid))
	}
	content, _ := strconv.Unquote(read)
	return t.profile.Content == "" || names(t.profile.Content, content, l.pid)
}

// remains looks at what was left when nobody was there.
func (t *trial) remains() {
	for i, e := range t.events {
		if e.Op != opLook || e.Result == nothing || !t.quiet(e.began) {
			continue
		}
		t.breaks(i, race.NothingRemains, "all have stopped in order, and there is still %s", e.Result)
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
		if !inOrder(l.how) && !(t.profile != nil && l.refused()) || l.outlived {
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
			if e.Result != finished && e.Result != refused {
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
			t.breaks(i, race.ProbesTellTheTruth, "%s is told that somebody holds the pid file, and nobody does", e.Actor)
		}
		if e.pid != 0 && !t.anybody(e.began, e.Time, e.pid) {
			t.breaks(i, race.ProbesTellTheTruth, "%s is told that %d holds the pid file, and it does not", e.Actor, e.pid)
		}
	case lock.Absent.String(), lock.Stale.String():
		for _, l := range t.careers {
			if l.held(e.began, e.Time) {
				t.breaks(i, race.ProbesTellTheTruth, "%s is told that nobody holds the pid file while %s does", e.Actor, l)
			}
		}
	case blocked: // see found
	default:
		if e.Op != opRole {
			t.breaks(i, race.ProbesTellTheTruth, "%s gets no answer: %s %s", e.Actor, e.Result, e.Detail)
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
			t.breaks(i, race.AServerSucceeds, "%s has lived for %v, and the pid file names no server that lives", e.Actor, succession)
		case e.Op == opRole && !judged[e.life]:
			judged[e.life] = true
			l := t.careers[e.life-1]
			if e.Result != standby || !t.alone(l, e.Time) {
				continue
			}
			if l.holds == never {
				t.breaks(i, race.CrashesAreTakenOver, "%s could not become the holder, and nobody else was", l)
			} else {
				t.breaks(i, race.LoneStartsSucceed, "%s was refused at its start, and nobody was the holder", l)
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
