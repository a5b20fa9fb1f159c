package stage

import (
	"errors"
	"slices"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// endless is the length of a run in which somebody never comes to an end.
const endless = 2000

// errBlocks is what a call returns that would wait for ever.
var errBlocks = errors.New("waits for ever")

// brief returns a judge of the run, who knows what is there in the beginning.
func (r *run) brief() *judge.Judge {
	p, victims := promiseOf(r.c, &r.tier.histories)
	p.Found, r.victims = r.state(), victims
	names := make([]string, len(r.actors))
	for i, a := range r.actors {
		names[i] = a.name
		r.order = append(r.order, i)
	}
	return judge.New(p, names)
}

// promiseOf returns what a protocol promises in a case, and the files that are
// none of its business.
func promiseOf(c race.Case, histories *judge.Histories) (p judge.Promise, victims []race.File) {
	p = judge.Promise{Content: "{pid}\n", Tidy: true, Sequel: true, PIDFile: race.PIDFile}
	for _, f := range substitute(c.Files) {
		switch {
		case f.Name == race.PIDFile:
			p.Odd = f.Kind != race.Regular
			continue
		case f.Kind == race.Regular && f.Name != Store:
			victims = append(victims, f)
		}
		p.Files = append(p.Files, f.Name)
	}
	uninstalls := slices.ContainsFunc(c.Actors, func(a race.Actor) bool { return slices.Contains(a.Script, "uninstall") })
	if c.Options[OptionPIDs] != "same" && !uninstalls {
		p.Linear = histories
	}
	return p, victims
}

// see puts down a fact about a that the last event shows.
func (r *run) see(a *actor, f judge.Fact) {
	f.Who, f.Event = a.index, max(r.events-1, 0)
	r.judge.See(f)
}

// begins puts down that a begins an operation of its script.
func (r *run) begins(a *actor, op string) {
	window := a.index + 1
	switch op {
	case "acquire":
		r.see(a, judge.Fact{Kind: judge.Begins, Name: a.name, PID: a.pid})
	case "uninstall":
		r.see(a, judge.Fact{Kind: judge.Visits, Name: a.name, PID: a.pid})
	case "release":
		r.see(a, judge.Fact{Kind: judge.Told})
	case "probe":
		r.see(a, judge.Fact{Kind: judge.Asks, Window: window})
	case "check":
		r.see(a, judge.Fact{Kind: judge.Looks, Window: window})
	default:
		return
	}
	a.doing = op
}

// stepped puts down what came of a step that a has made.
func (r *run) stepped(a *actor, m made) {
	removed := m.op == "remove" && a.result == "ok"
	if removed && m.operand == race.PIDFile {
		r.removed = m.before.Object
	}
	switch {
	case m.crashes():
		a.doing = ""
		r.see(a, judge.Fact{Kind: judge.Crashes})
	case m.fault != race.NoFault:
		r.see(a, judge.Fact{Kind: judge.Fails})
	}
	switch after := r.state(); {
	case removed && m.scripted == "remove":
		r.see(a, judge.Fact{Kind: judge.Robs, File: after})
	case after != m.before:
		r.see(a, judge.Fact{Kind: judge.Changes, Name: m.op, File: after})
	}
	if removed && m.operand == Store {
		r.see(a, judge.Fact{Kind: judge.Removes})
	}
	for _, v := range r.victims {
		if text, ok := r.world.Content(v.Name); !ok || text != v.Content {
			r.see(a, judge.Fact{Kind: judge.Clobbers, Said: "changes " + v.Name + ", which is no pid file"})
		}
	}
	if a.stuck || r.events > endless {
		r.see(a, judge.Fact{Kind: judge.Endless})
	}
	r.rests()
}

// returns puts down what an operation of a's script has returned.
func (r *run) returns(a *actor, got response) {
	if a.doing != got.op { // it took no step
		r.begins(a, got.op)
	}
	a.doing = ""
	f := judge.Fact{Name: a.name, Said: got.result, Failed: got.err != nil && !errors.Is(got.err, lock.ErrHeld), Open: a.tried && len(a.files) > 0, Window: a.index + 1}
	switch got.op {
	case "acquire":
		f.Kind, f.Window = judge.Serves, 0
		if got.err != nil {
			f.Kind, f.State = judge.Ends, judge.Held
			if f.Failed {
				f.State = judge.Unknown
			}
		}
	case "release":
		f.Kind = judge.Ends
	case "uninstall":
		f.Kind, f.Failed, f.Open = judge.Ends, got.err != nil, r.world.Exists(Store)
	case "check":
		f.Kind = judge.Heard
		switch {
		case !a.tried:
		case errors.Is(got.err, lock.ErrLost):
			f.State, f.Failed = judge.Lost, false
		default:
			f.State = judge.Held
		}
	case "probe":
		f.Kind, f.Failed = judge.Answers, f.Failed && !errors.Is(got.err, lock.ErrBusy)
		if got.err == nil {
			f.State, f.PID, f.Said = found(got.status), got.status.PID, got.status.State.String()
		}
	}
	r.see(a, f)
	r.rests()
	if a.name != Next {
		return
	}
	if got.op == "release" {
		r.remains()
	}
	if a.op == "" {
		r.see(a, judge.Fact{Kind: judge.Exhausted})
	}
}

func found(s lock.Status) judge.State {
	if s.State == lock.Held {
		return judge.Held
	}
	return judge.Nobody
}

// rests puts down, once, what is there when all but [Next] have finished.
func (r *run) rests() {
	if r.ended {
		return
	}
	for _, a := range r.actors[:len(r.actors)-1] {
		if a.op != "" || len(a.responses) > 0 {
			return
		}
	}
	r.ended = true
	r.remains()
}

func (r *run) remains() {
	for _, name := range r.world.Names() {
		r.see(r.actors[0], judge.Fact{Kind: judge.Remains, Name: name})
	}
}
