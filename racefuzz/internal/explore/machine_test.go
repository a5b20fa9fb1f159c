package explore

// A tier of small programs that share variables, locks and the knowledge of who
// lives. It tells all that a run can tell, and can be made to tell it wrongly.

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// machine is the tier. A script is a list of
//
//	begin       rests until it is made; nobody else can notice it
//	look x      sees what x holds
//	set x       writes who writes, and where in his script
//	lock l      gets the lock or is refused
//	wait l      asks for the lock, and waits until it can be had
//	retry l     tries until it gets the lock
//	try l       tries three times
//	unlock l
//	alive       sees whether he lives who wrote what was last seen
//	serve       is seen by the judge
//	fork        the rest is done by a child as well, that a crash leaves alone
//	unless OP   OP, unless the last thing seen was a refusal, nothing, or somebody dead
type machine struct {
	flaw string // what is told wrongly
	mu   sync.Mutex
	ends map[string]bool // what all have seen and left at the ends of schedules
}

func (t *machine) Start(c race.Case) (race.Run, error) {
	r := &machineRun{tier: t, c: c, vars: map[string]string{}, locks: map[string]string{}}
	for _, a := range c.Actors {
		r.lanes = append(r.lanes, &lane{name: a.Name, script: a.Script})
	}
	return r, nil
}

type machineRun struct {
	tier    *machine
	c       race.Case
	lanes   []*lane
	vars    map[string]string
	locks   map[string]string // their holders
	log     []string          // what the judge has seen
	crashed []string
	foot    Footprint
	private bool
}

// lane is a process.
type lane struct {
	name   string
	script []string
	at     int
	seen   []string
	dead   bool
	parked bool // it was refused, and nobody has moved since
	waits  bool // for the lock that it asked for
	tries  int  // so often the next step was refused
	vain   int  // tries in all, that it may remember
}

// op is what the lane does next.
func (l *lane) op() (verb, object string) {
	text := strings.TrimPrefix(l.script[l.at], "unless ")
	verb, object, _ = strings.Cut(text, " ")
	return verb, object
}

func (l *lane) moves() bool { return !l.dead && l.at < len(l.script) }

func (r *machineRun) Moves() []race.Move {
	var moves []race.Move
	for _, l := range r.lanes {
		if !l.moves() {
			continue
		}
		verb, object := l.op()
		if l.waits && r.locks[object] != "" || l.parked {
			verb = ""
		}
		if verb != "" {
			moves = append(moves, race.Move{Actor: l.name, Op: verb})
		}
		if !strings.Contains(l.name, ".") && l.at > 0 {
			moves = append(moves, race.Move{Actor: l.name, Op: "crash", Fault: race.Crash})
		}
	}
	if !slices.ContainsFunc(moves, func(m race.Move) bool { return m.Fault == race.NoFault }) {
		r.tier.ended(r)
	}
	return moves
}

// ended keeps what a schedule has come to, with actors that are alike in the
// order that comes first.
func (t *machine) ended(r *machineRun) {
	if t.ends == nil {
		return
	}
	var first string
	for i, cast := range casts(r.c, r.alike) {
		if text := cast.Rename(r.describe(cast, "", true)); i == 0 || text < first {
			first = text
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends[first] = true
}

func (r *machineRun) alike(actor string) string {
	i := slices.IndexFunc(r.c.Actors, func(a race.Actor) bool { return a.Name == actor })
	return strings.Join(r.c.Actors[i].Script, ",")
}

func (r *machineRun) Role(actor string) string {
	if r.tier.flaw == "who differs is alike" {
		return ""
	}
	return r.alike(actor)
}

func (r *machineRun) lane(name string) *lane {
	return r.lanes[slices.IndexFunc(r.lanes, func(l *lane) bool { return l.name == name && !l.dead })]
}

func (r *machineRun) Describe(m race.Move) Nature {
	l := r.lane(m.Actor)
	switch verb, _ := l.op(); {
	case verb == "begin", r.tier.flaw == "what is noticed begins something" && verb == "set":
		return Begins
	case l.tries > 0:
		return TriesAgain
	}
	return GoesOn
}

func content(x string) Object { return Object{Aspect: Content, Name: x} }
func locks(l string) Object   { return Object{Aspect: Locks, Name: l} }

var processes = Object{Aspect: Processes}

func (r *machineRun) Foretell(m race.Move) Footprint {
	l := r.lane(m.Actor)
	if m.Fault == race.Crash {
		return r.ending(l)
	}
	return r.footprint(l)
}

// ending is what the end of a lane has to do with.
func (r *machineRun) ending(l *lane) (f Footprint) {
	if r.tier.flaw != "an end gives no locks back" {
		for _, object := range slices.Sorted(maps.Keys(r.locks)) {
			if r.locks[object] == l.name {
				f.Write(locks(object))
			}
		}
	}
	if r.tier.flaw != "an end is seen by nobody" {
		f.Write(processes)
	}
	return f
}

// footprint is what the next step of a lane has to do with.
func (r *machineRun) footprint(l *lane) (f Footprint) {
	verb, object := l.op()
	switch flaw := r.tier.flaw; verb {
	case "look":
		if flaw != "looks see nothing" {
			f.Read(content(object))
		}
	case "set":
		if flaw != "writes change nothing" {
			f.Write(content(object))
		}
	case "lock", "retry", "try", "wait":
		switch {
		case r.locks[object] == "":
			f.Write(locks(object))
		case flaw != "refusals look at nothing":
			f.Read(locks(object))
		}
	case "unlock":
		f.Write(locks(object))
	case "alive":
		f.Read(processes)
	case "serve":
		f.Visible = flaw != "the judge sees nothing"
	case "fork":
		f.Write(processes)
	}
	if l.at == len(l.script)-1 {
		f.Write(r.ending(l).Writes...)
	}
	if l.skips() {
		f = Footprint{}
		if l.at == len(l.script)-1 {
			f = r.ending(l)
		}
	}
	return f
}

func (r *machineRun) Footprint() Footprint { return r.foot }

// skips reports whether the lane leaves its next step out.
func (l *lane) skips() bool {
	if !strings.HasPrefix(l.script[l.at], "unless ") || len(l.seen) == 0 {
		return false
	}
	last := l.seen[len(l.seen)-1]
	return last == "" || last == "refused" || last == "dead"
}

func (r *machineRun) Do(m race.Move) (race.Event, error) {
	l := r.lane(m.Actor)
	r.foot = r.Foretell(m)
	again := l.tries > 0
	defer func() {
		for _, other := range r.lanes {
			other.parked = other.parked && (sameActor(other.name, m.Actor) || again && l.tries > 0)
		}
	}()
	if m.Fault == race.Crash {
		r.end(l)
		r.crashed = append(r.crashed, "{"+l.name+"}")
		return race.Event{Step: race.Step{Actor: m.Actor, Op: "crash"}}, nil
	}
	result := "skipped"
	if !l.skips() {
		result = r.do(l)
	}
	if result == "tries" {
		l.vain++
	}
	switch {
	case result == "waits":
	case result != "tries":
		l.at, l.tries = l.at+1, 0
	case m.Op == "retry":
		l.tries = 1
	default:
		l.tries++
	}
	if !l.moves() && !l.dead {
		r.end(l)
	}
	return race.Event{Step: race.Step{Actor: m.Actor, Op: m.Op, Result: result}}, nil
}

func (r *machineRun) end(l *lane) {
	l.dead = true
	maps.DeleteFunc(r.locks, func(_, holder string) bool { return holder == l.name })
}

func (r *machineRun) do(l *lane) string {
	verb, object := l.op()
	see := func(text string) string {
		l.seen = append(l.seen, text)
		return text
	}
	switch verb {
	case "look":
		return see(r.vars[object])
	case "set":
		r.vars[object] = fmt.Sprintf("{%s}%d", l.name, l.at)
	case "lock", "wait", "retry", "try":
		switch {
		case r.locks[object] == "":
			r.locks[object], l.waits = l.name, false
			return see("got")
		case verb == "retry":
			l.parked = true
			return "tries"
		case verb == "wait":
			l.waits = true
			return "waits"
		case verb == "try" && l.tries < 2:
			return "tries"
		}
		return see("refused")
	case "unlock":
		if r.locks[object] == l.name {
			delete(r.locks, object)
		}
	case "alive":
		if len(l.seen) == 0 || !strings.HasPrefix(l.seen[len(l.seen)-1], "{") {
			return see("")
		}
		author, _, _ := strings.Cut(l.seen[len(l.seen)-1][1:], "}")
		if slices.ContainsFunc(r.lanes, func(l *lane) bool { return l.name == author && !l.dead }) {
			return see("alive")
		}
		return see("dead")
	case "serve":
		r.log = append(r.log, "{"+l.name+"}")
	case "fork":
		child := &lane{name: l.name + ".1", script: l.script, at: l.at + 1, seen: slices.Clone(l.seen)}
		child.dead = child.at == len(l.script)
		r.lanes = append(r.lanes, child)
		slices.SortStableFunc(r.lanes, func(a, b *lane) int { return strings.Compare(a.name, b.name) })
	}
	return "ok"
}

func (r *machineRun) Fingerprint(cast *Cast, victim string) (uint64, bool) {
	h := fnv.New64a()
	h.Write([]byte(cast.Rename(r.describe(cast, victim, false))))
	orphans := slices.ContainsFunc(r.lanes, func(l *lane) bool { return race.ActorOf(l.name) == victim && l.name != victim && l.moves() })
	return h.Sum64(), !orphans || r.tier.flaw == "orphans are forgotten"
}

// describe writes the state, or what is left of it at the end.
func (r *machineRun) describe(cast *Cast, victim string, over bool) string {
	var b strings.Builder
	flaw := r.tier.flaw
	if over {
		flaw = ""
	}
	for _, i := range cast.Order {
		actor := r.c.Actors[i].Name
		crashed := actor == victim || slices.Contains(r.crashed, "{"+actor+"}")
		fmt.Fprintf(&b, "actor %v:", crashed)
		for _, l := range r.lanes {
			if race.ActorOf(l.name) != actor || crashed && (l.name == actor || flaw == "orphans are forgotten") {
				continue
			}
			seen := l.seen
			if flaw == "what was seen is forgotten" {
				seen = nil
			}
			fmt.Fprintf(&b, " {%s} %d %q", l.name, l.at, seen)
			if !over {
				fmt.Fprint(&b, l.dead, l.parked, l.waits)
			}
			if !over && flaw != "tries are forgotten" {
				fmt.Fprint(&b, l.tries, l.vain)
			}
		}
		fmt.Fprintln(&b)
	}
	for _, x := range slices.Sorted(maps.Keys(r.vars)) {
		if flaw != "what is written is forgotten" {
			fmt.Fprintln(&b, x, r.vars[x])
		}
	}
	for _, l := range slices.Sorted(maps.Keys(r.locks)) {
		if r.locks[l] != victim {
			fmt.Fprintf(&b, "%s {%s}\n", l, r.locks[l])
		}
	}
	if flaw != "what the judge knows is forgotten" {
		fmt.Fprintln(&b, r.log)
	}
	return b.String()
}

func (r *machineRun) clone() *machineRun {
	c := *r
	c.vars, c.locks = maps.Clone(r.vars), maps.Clone(r.locks)
	c.log, c.crashed = slices.Clone(r.log), slices.Clone(r.crashed)
	c.lanes = nil
	for _, l := range r.lanes {
		own := *l
		own.seen = slices.Clone(l.seen)
		c.lanes = append(c.lanes, &own)
	}
	return &c
}

// reference finds the ends of all schedules within the bounds by trying
// everything from every state, and by knowing nothing but that.
type reference struct {
	bounds Bounds
	seen   map[string]bool
}

// from tries everything where a lane has made the last move.
func (f *reference) from(r *machineRun, turn string, spent Bounds) {
	cast := &Cast{Order: []int{0, 1, 2}[:len(r.c.Actors)]}
	here := fmt.Sprint(turn, spent, r.crashed, r.describe(cast, "", false))
	if f.seen[here] {
		return
	}
	f.seen[here] = true
	moves := r.Moves()
	goesOn := slices.ContainsFunc(moves, func(m race.Move) bool {
		return m.Fault == race.NoFault && sameActor(m.Actor, turn) && r.Describe(m) == GoesOn
	})
	for _, m := range moves {
		next, spends := turn, spent
		if m.Fault == race.Crash {
			spends.Crashes++
			if !goesOn {
				next = ""
			}
		} else if next = m.Actor; goesOn && !sameActor(m.Actor, turn) {
			spends.Preemptions++
		}
		if spends.within(f.bounds) {
			after := r.clone()
			after.Do(m)
			f.from(after, next, spends)
		}
	}
}

func (r *machineRun) Verdict() race.Verdict { return race.Verdict{} }
func (r *machineRun) Close() error          { return nil }
