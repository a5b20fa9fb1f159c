package judge

import (
	"math/bits"
	"slices"
)

// phase is where a life is.
type phase uint8

const (
	gone phase = iota
	starting
	serving
	stopping
	visiting
)

// life is what is known of one actor. Most of it is of its present life, or of
// its last one.
type life struct {
	name  string
	pid   int
	round int // lives so far
	phase phase

	tried   bool  // it goes by locks, in whatever life
	locks   []int // the objects of its exclusive locks
	standby bool  // not the recorded server, though it serves
	idle    bool  // certainly not to be taken for it, either
	waking  bool  // a standby that looks whether it can take over
	robbed  bool  // somebody removed the file under it
	loot    int   // which file that was
	excused bool  // that happened while it was stopping, when it may be too late to notice
	faulted bool  // a call of its operation was made to fail
	fresh   bool  // nobody has crashed since it began
	after   hash  // what the history was when the operation began
	call    int   // index of the event with which it began

	// While it starts: whether it met somebody who may refuse it, or starts
	// that it is still open for, and whether somebody probed.
	reason bool
	met    set
	probed bool
	barred bool // somebody who probed had a lock

	answered bool // its first request
	unseen   bool // it may not have noticed that it was told to stop
	drained  bool // it has given up what it had in hand when it was told
	refused  bool // a command that removes nothing
	users    set  // who had stored something when the command began

	disturbed bool // since it looks whether it can take over, it was not alone
	shown     int  // the object in which a reader found its pid
}

// window is what is true while somebody reads or asks.
type window struct {
	open     bool
	probe    bool
	always   set // those that were the server all the time
	could    []claim
	recorded []int // pids that the file recorded in a complete line while nobody had its lock
	call     int
	fact     int // the number of the fact that opened it
	after    hash
	busy     bool // somebody lived at some time
	visited  bool // a command ran at some time
	command  bool // it is a command's
}

// claim is somebody who could be taken for the server at some time.
type claim struct{ who, round, pid int }

// set is a set of actors.
type set uint64

func one(i int) set             { return 1 << i }
func (s set) has(i int) bool    { return s&one(i) != 0 }
func (s set) first() int        { return bits.TrailingZeros64(uint64(s)) }
func (s set) without(i int) set { return s &^ one(i) }

// holds reports whether an actor is certainly the server.
func (j *Judge) holds(i int) bool {
	l := &j.lives[i]
	return l.phase == serving && !l.robbed && !l.standby && !l.waking && (!j.promise.Standby || len(l.locks) > 0)
}

// holders returns all who are.
func (j *Judge) holders() (s set) {
	for i := range j.lives {
		if j.holds(i) {
			s |= one(i)
		}
	}
	return s
}

// rivals reports whether an actor may be taken for the server: because it is,
// or is about to stop, or has got the lock in its start. A start that knows no
// lock may be taken for it all the time.
func (j *Judge) rivals(i int) bool {
	l := &j.lives[i]
	switch l.phase {
	case serving:
		return l.waking || len(l.locks) > 0 || l.standby && !l.idle || !l.standby && !j.promise.Standby
	case stopping:
		return !l.idle || len(l.locks) > 0
	case starting, visiting:
		return !l.idle && (!l.tried || len(l.locks) > 0)
	}
	return false
}

// misplaced reports whether what an actor has locked is not the file that the
// name means.
func (j *Judge) misplaced(i int) bool {
	l := &j.lives[i]
	return j.file.Object != Hidden && len(l.locks) > 0 && !slices.Contains(l.locks, j.file.Object)
}

// lost reports whether nobody finds a server by the file's name, and it is still
// to come what that leads to: somebody else becomes the holder, or it stops.
func (j *Judge) lost(i int) bool {
	return j.promise.Sequel && (j.file.Object == 0 || j.misplaced(i))
}

// apply changes what is known by the present fact.
func (j *Judge) apply() {
	f := &j.fact
	l := &j.lives[f.Who]
	switch f.Kind {
	case Begins, Visits:
		*l = life{name: f.Name, pid: f.PID, round: l.round + 1, phase: starting, tried: l.tried, locks: l.locks, fresh: true}
		if f.Kind == Visits {
			l.phase, l.refused, l.users = visiting, f.Failed, j.users()
		}
		j.cleared = false
		j.call(l)
	case Tries:
		l.tried = true
	case Locks:
		l.locks = append(l.locks, f.Object)
	case Unlocks:
		if at := slices.Index(l.locks, f.Object); at >= 0 {
			l.locks = slices.Delete(l.locks, at, at+1)
		}
	case Serves:
		j.serves(l)
	case Stands:
		if l.phase == starting && f.State == Held {
			j.refuse(f.Who)
		}
		if l.phase == starting && f.Open {
			l.phase = serving
		}
		l.standby, l.waking = true, false
		l.idle = l.idle || l.phase == starting
	case Wakes:
		l.waking, l.disturbed, l.idle = l.phase == serving, false, false
	case Told:
		l.faulted, l.excused = false, false
		l.unseen = f.Open && !l.answered
		if l.phase == starting || l.phase == serving {
			l.phase = stopping
			j.grounds(f.Who)
		}
		j.call(l)
	case Ends:
		j.ends(l)
	case Crashes:
		j.grounds(f.Who)
		if l.phase == visiting {
			j.removable(l)
		}
		j.unrest()
		j.cut(l)
		*l = life{name: l.name, pid: l.pid, round: l.round, tried: l.tried, locks: l.locks[:0]}
		j.windows[f.Who].open = false
	case Fails:
		j.unrest()
		j.faulted, l.faulted = true, true
	case Changes:
		j.file = f.File
		j.odd = j.odd && j.file.Object == j.before.Object
	case Robs:
		j.rob(j.file)
		j.file = f.File
	case Looks, Asks:
		w := &j.windows[f.Window-1]
		*w = window{open: true, probe: f.Kind == Asks, command: f.Kind == Asks && f.Open, always: ^set(0), could: w.could[:0], recorded: w.recorded[:0], call: f.Event, fact: j.facts, after: j.order}
		l.faulted = false
	case Heard:
		j.returns("check", 0, j.windows[f.Window-1].after, Unknown)
		j.windows[f.Window-1].open = false
	case Answers:
		w := &j.windows[f.Window-1]
		w.open = false
		j.returns("probe", w.call, w.after, f.State)
	case Saw, Errs:
		j.windows[f.Window-1].open = false
	case Lingers:
		j.lingering = f.Open
	case Answered:
		l.answered = true
	case Drained:
		l.drained = true
	default:
		j.keep()
	}
}

// unrest notes that not all is in order any more.
func (j *Judge) unrest() {
	j.left, j.crashed, j.disorder = true, true, true
	for i := range j.lives {
		j.lives[i].fresh = false
	}
}

func (j *Judge) serves(l *life) {
	j.grounds(j.fact.Who)
	if l.phase == starting {
		j.returns("acquire", l.call, l.after, Held)
	}
	l.phase, l.standby, l.waking = serving, false, false
	j.served = true
	if l.robbed && l.tried && l.loot != Hidden && !slices.Contains(l.locks, l.loot) {
		l.robbed = false
	}
}

// ends notes the end of a start that is refused, of a command or of a stop.
func (j *Judge) ends(l *life) {
	switch l.phase {
	case starting:
		j.returns("acquire", l.call, l.after, Lost)
		j.refuse(j.fact.Who)
	case visiting:
		j.served = j.served || !j.fact.Failed
		j.removable(l)
		j.returns("uninstall", l.call, l.after, Unknown)
	case stopping:
		j.returns("release", l.call, l.after, Nobody)
	}
	l.phase, l.standby, l.waking = gone, false, false
}

// rob excuses all whose file somebody else has just removed, or may have.
func (j *Judge) rob(f File) {
	j.disorder, j.odd = true, false
	j.robbed = j.robbed || f.Object == Hidden
	for i := range j.lives {
		l := &j.lives[i]
		if l.phase == serving || l.phase != gone && (f.Object == Hidden || slices.Contains(l.locks, f.Object)) {
			l.robbed, l.loot, j.robbed = true, f.Object, true
			l.excused = l.phase == stopping
		}
	}
}

// watch keeps what starts and windows have met.
func (j *Judge) watch() {
	var holders, rivals, starts, asking, standbys set
	lives, locked, visits, commands, bars := false, false, false, false, false
	for i := range j.lives {
		locked = locked || slices.Contains(j.lives[i].locks, j.file.Object)
		if j.holds(i) {
			holders |= one(i)
			j.disorder = j.disorder && !j.lives[i].fresh
		}
		if j.rivals(i) {
			rivals |= one(i)
		}
		if j.lives[i].phase == starting {
			starts |= one(i)
		}
		lives = lives || j.lives[i].phase != gone
		visits = visits || j.lives[i].phase == visiting
		if j.lives[i].phase != gone && j.lives[i].standby {
			standbys |= one(i)
		}
	}
	for i := range j.windows {
		w := &j.windows[i]
		if !w.open {
			continue
		}
		if w.probe {
			asking |= one(i)
			bars = bars || len(j.lives[i].locks) > 0
		}
		w.busy, w.visited = w.busy || lives, w.visited || visits
		commands = commands || w.command
		w.always &= holders
		for s := rivals; s != 0; s = s.without(s.first()) {
			l := &j.lives[s.first()]
			if c := (claim{s.first(), l.round, l.pid}); !slices.Contains(w.could, c) {
				w.could = append(w.could, c)
			}
		}
		if pid := line(j.file.Content); pid != 0 && w.probe && !locked && !slices.Contains(w.recorded, pid) {
			w.recorded = append(w.recorded, pid)
		}
	}
	for i := range j.lives {
		l := &j.lives[i]
		if l.phase != starting && l.phase != visiting && !l.waking {
			continue
		}
		others := rivals.without(i)
		l.probed, l.barred = l.probed || asking != 0, l.barred || bars
		l.reason = l.reason || j.lingering || others&^starts != 0 || l.phase == visiting && (others|standbys != 0 || commands)
		l.met |= others & starts
		l.disturbed = l.disturbed || asking.without(i) != 0 || j.stirs(i)
	}
}

// stirs reports whether somebody else is doing something.
func (j *Judge) stirs(i int) bool {
	for k := range j.lives {
		if l := &j.lives[k]; k != i && l.phase != gone && (l.phase != serving || l.waking) {
			return true
		}
	}
	return false
}
