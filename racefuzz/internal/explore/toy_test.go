package explore

// A tier so small that what is to be found in it is known beforehand: actors
// add to a number without a lock, each by reading it and writing it back.

import (
	"fmt"
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// toy is the tier. An actor's script is a list of "add" and "idle"; an add
// takes the steps read and write, an idle one step.
type toy struct {
	hash   bool // runs are Fingerprinters
	flawed bool // the second run of a schedule differs from the first
	starts int
	states map[uint64]bool // those that any run has been in, if not nil
}

func (t *toy) Start(c race.Case) (race.Run, error) {
	t.starts++
	r := &toyRun{flaky: t.flawed && t.starts > 1, states: t.states}
	for _, a := range c.Actors {
		r.actors = append(r.actors, &adder{name: a.Name, script: slices.Clone(a.Script)})
	}
	if t.hash {
		return toyState{r}, nil
	}
	return r, nil
}

type toyRun struct {
	number, added int
	actors        []*adder
	events        int
	current       *adder // made the last step
	flaky         bool
	states        map[uint64]bool
}

type adder struct {
	name    string
	script  []string
	read    int
	writing bool
}

func (r *toyRun) Moves() []race.Move {
	var moves []race.Move
	for _, a := range r.actors {
		if len(a.script) > 0 {
			moves = append(moves, race.Move{Actor: a.name, Op: a.op()}, race.Move{Actor: a.name, Op: a.op(), Fault: race.Crash})
		}
	}
	return moves
}

func (a *adder) op() string {
	switch {
	case a.script[0] == "idle":
		return "idle"
	case a.writing:
		return "write"
	}
	return "read"
}

func (r *toyRun) Do(m race.Move) (race.Event, error) {
	r.events++
	i := slices.IndexFunc(r.actors, func(a *adder) bool { return a.name == m.Actor })
	a := r.actors[i]
	e := race.Event{Step: race.Step{Actor: a.name, Op: m.Op}}
	e.Preempted = r.current != nil && r.current != a && len(r.current.script) > 0 && m.Fault != race.Crash
	switch {
	case m.Fault == race.Crash:
		e.Op, a.script = "crash", nil
	case m.Op == "read":
		a.read, a.writing = r.number, true
		e.Result = fmt.Sprint(a.read)
	case m.Op == "write":
		r.number, r.added = a.read+1, r.added+1
		a.writing, a.script = false, a.script[1:]
		e.Result = fmt.Sprint(r.number)
	default:
		a.script = a.script[1:]
	}
	if m.Fault != race.Crash {
		r.current = a
	}
	if r.states != nil {
		r.states[toyState{r}.sum()] = true
	}
	if r.flaky {
		e.Result += "?"
	}
	return e, nil
}

func (r *toyRun) Verdict() race.Verdict {
	if r.number == r.added {
		return race.Verdict{}
	}
	return race.Verdict{Invariant: race.OneHolder, Reason: "an addition is lost", Event: r.events - 1}
}

func (r *toyRun) Close() error { return nil }

// toyState is a run that can tell its state.
type toyState struct{ *toyRun }

func (s toyState) Fingerprint(*Cast, string) (uint64, bool) { return s.sum(), true }

func (s toyState) sum() uint64 {
	h := uint64(s.number)*31 + uint64(s.added)
	for _, a := range s.actors {
		h = h*31 + uint64(len(a.script))
		h = h*31 + uint64(a.read)
		if a.writing {
			h += 7
		}
	}
	return h
}

func toyCase(scripts ...[]string) race.Case {
	c := race.Case{Title: "A toy."}
	for i, s := range scripts {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: s})
	}
	return c
}
