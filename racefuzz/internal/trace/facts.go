package trace

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// phase is where an actor is between two of the operations of its script.
type phase int

const (
	absent   phase = iota // not started yet, or gone again
	starting              // from its start until it waits for work or ends
	serving               // it waits for work
	stopping              // it was asked to stop
	waking                // it serves, and is about to look whether it can take over
	probing               // it asks whether a server runs
	visiting              // it is no server
)

// view is what can be seen of a case after an event. In contents and details
// the pids of its processes are masked: "{a}".
type view struct {
	event         int
	mover         string // actor
	op            string
	fault         bool // the op was made to fail
	before, after judge.File
	actors        []standing
	left          []entry
	over          bool // nobody will move again
	stuck         bool // the same, though somebody is in the middle of its start
	helpers       bool // a process whose server has crashed is in the middle of something, or is recorded as the server itself
}

// headSize is how much of a file is looked at.
const headSize = 4096

// entry is a name in the case's directory.
type entry struct {
	name    string
	kind    race.Kind
	content string // of a regular file its head, of a link its target
	size    int64
	inode   uint64
	object  int // which file it is, counted as they appear; names and inode numbers are used again
}

// standing is what can be seen of one actor.
type standing struct {
	name  string
	round int
	phase phase
	locks bool // it holds an exclusive lock on what is or was the pid file or the lock file
}

// answer is what a probe said.
type answer struct {
	certain bool
	running bool
	pid     string // the first number in its output
	actor   int    // whose process that is, or -1
	round   int
}

// teller tells the judge of a program that nobody here wrote what the views of
// a case show.
type teller struct {
	judge    *judge.Judge
	files    []race.File // what the case began with, which are none of the program's business
	stood    []standing  // after the last view
	file     judge.File  // as it was put down last
	helpers  bool
	answered map[string]answer // probes that have ended since
	deaf     []string          // actors that do not stop
	returned []string          // actors whose command has ended, and left a server in the background
}

func newTeller(s program.Program, files []race.File, found judge.File, actors []string, pass func(race.Verdict) bool) *teller {
	p := judge.Promise{
		Content: s.Content, Masked: true, Program: true, Standby: s.Losers == "serve", Lenient: s.MayEmpty != "",
		Leaves: program.SplitNames(s.Leaves), PIDFile: s.PIDName(), Found: found, Pass: pass,
	}
	t := &teller{answered: map[string]answer{}, file: found}
	for _, f := range files {
		if s.IsRelic(f, files) {
			continue
		}
		if f.Name == s.PIDName() {
			p.Odd = true
			continue
		}
		p.Files = append(p.Files, f.Name)
		if f.Name != s.LockFile && (f.Kind == race.Regular || f.Kind == race.Config) {
			t.files = append(t.files, f)
		}
	}
	for _, name := range actors {
		t.stood = append(t.stood, standing{name: name})
	}
	t.judge = judge.New(p, actors)
	return t
}

// identity stands for the pid of an actor's processes in one round.
func identity(actor, round int) int { return 1 + actor + judge.Most*round }

// tell puts down what a view shows that the last one did not, in the order in
// which it becomes certain: who has gone makes room for who comes.
func (t *teller) tell(v view) {
	who := slices.IndexFunc(v.actors, func(s standing) bool { return s.name == v.mover })
	see := func(i int, f judge.Fact) {
		f.Who, f.Event = i, v.event
		t.judge.See(f)
	}
	t.move(v, who, see)
	for i, s := range v.actors {
		if said, ended := t.answered[s.name]; ended {
			see(i, said.fact(i, s.name))
		}
		if slices.Contains(t.deaf, s.name) {
			see(i, judge.Fact{Kind: judge.Outlives})
		}
	}
	clear(t.answered)
	for i, s := range v.actors {
		was := t.stood[i].phase
		if t.stood[i].locks && !s.locks {
			see(i, judge.Fact{Kind: judge.Unlocks})
		}
		begun := i == who && (v.op == opStart || v.op == opRun)
		if s.phase == absent && v.op != opCrash && (begun || was != absent && was != probing) {
			see(i, judge.Fact{Kind: judge.Ends})
		}
	}
	for i, s := range v.actors {
		was := t.stood[i]
		gained := s.locks && !was.locks
		if gained {
			see(i, judge.Fact{Kind: judge.Locks})
		}
		switch {
		case s.phase == waking && was.phase != waking:
			see(i, judge.Fact{Kind: judge.Wakes})
		case s.phase == serving && was.phase == waking && !s.locks:
			see(i, judge.Fact{Kind: judge.Stands})
		case s.phase == serving && (was.phase != serving || was.round != s.round || gained):
			if t.file != v.after { // whom it names has ended meanwhile
				t.file = v.after
				see(i, judge.Fact{Kind: judge.Changes, Name: v.op, File: v.after})
			}
			see(i, judge.Fact{Kind: judge.Serves})
		}
		if i == who && v.op == opWait && s.phase == serving {
			see(i, judge.Fact{Kind: judge.Idles})
		}
	}
	for i, s := range v.actors {
		if slices.Contains(t.returned, s.name) {
			see(i, judge.Fact{Kind: judge.Returns})
		}
	}
	t.deaf, t.returned = nil, nil
	t.look(v, who, see)
	if v.stuck {
		see(who, judge.Fact{Kind: judge.Exhausted})
	}
	copy(t.stood, v.actors)
}

// move puts down what the mover did and what that made of the pid file.
func (t *teller) move(v view, who int, see func(int, judge.Fact)) {
	s := v.actors[who]
	begins := judge.Fact{Name: s.name, PID: identity(who, s.round)}
	switch v.op {
	case opStart:
		begins.Kind = judge.Begins
		see(who, begins)
	case opRun:
		begins.Kind = judge.Visits
		see(who, begins)
	case opProbe:
		see(who, judge.Fact{Kind: judge.Asks, Window: who + 1})
	case opCrash:
		see(who, judge.Fact{Kind: judge.Crashes})
		t.stood[who].locks = false
	}
	for i, s := range v.actors { // who is gone has begun to stop before it did anything else
		was := t.stood[i].phase
		if was != stopping && s.phase == stopping || v.op != opCrash && s.phase == absent && (was == serving || was == waking) {
			see(i, judge.Fact{Kind: judge.Told})
		}
	}
	if v.fault {
		see(who, judge.Fact{Kind: judge.Fails})
	}
	switch {
	case v.op == opRemove:
		see(who, judge.Fact{Kind: judge.Robs, File: v.after})
		t.file = v.after
	case v.before != v.after:
		see(who, judge.Fact{Kind: judge.Changes, Name: v.op, File: v.after})
		t.file = v.after
	}
	if v.helpers != t.helpers {
		see(who, judge.Fact{Kind: judge.Lingers, Open: v.helpers})
		t.helpers = v.helpers
	}
}

// look puts down what is left in the directory, and what should be in it and is
// not as it was, whatever links lead there.
func (t *teller) look(v view, who int, see func(int, judge.Fact)) {
	for _, f := range t.files {
		i := slices.IndexFunc(v.left, func(e entry) bool { return e.name == f.Name })
		if i < 0 || v.left[i].content != f.Content[:min(len(f.Content), headSize)] {
			see(who, judge.Fact{Kind: judge.Clobbers, Said: "clobbers " + f.Name})
		}
	}
	if v.over {
		for _, e := range v.left {
			t.judge.See(judge.Fact{Kind: judge.Remains, Event: v.event, Name: e.name})
		}
	}
}

// fact is what the probe of an actor said, if it said anything.
func (a answer) fact(actor int, name string) judge.Fact {
	f := judge.Fact{Kind: judge.Answers, Name: name, Window: actor + 1}
	switch {
	case !a.certain:
	case !a.running:
		f.State = judge.Nobody
	default:
		f.State = judge.Held
		if a.pid != "" {
			f.PID = -1
		}
		if a.actor >= 0 {
			f.PID = identity(a.actor, a.round)
		}
	}
	return f
}
