package stage

import (
	"errors"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// operation is one operation of a script in a history. Its times are the
// indices of events, doubled so that something fits in between.
type operation struct {
	actor     int
	pid       int
	op        string // "acquire", "release", "probe" or "crash"
	result    string // "ok", "refused", or unknown when the actor crashed
	status    lock.Status
	call, end int
}

const unknown = "unknown"

// note adds an operation that has returned with the event of that index,
// unless it failed: then it may have done nothing.
func (o *oracle) note(a *actor, c *claim, got response, event int) {
	failed := got.err != nil && !errors.Is(got.err, lock.ErrHeld)
	late := got.op == "release" && c.phase != stopping
	if failed || late || got.op == "check" {
		return
	}
	o.history = append(o.history, operation{a.index, a.pid, got.op, outcome(got.err), got.status, 2 * c.call, 2 * event})
}

// crash adds the end of an actor, and what it was doing then.
func (o *oracle) crash(a *actor, c *claim, event int) {
	o.order = o.order.number(uint64(a.index)).text("crash").number(uint64(c.after))
	if c.op == "acquire" || c.op == "release" {
		o.history = append(o.history, operation{actor: a.index, pid: c.pid, op: c.op, result: unknown, call: 2 * c.call, end: 2 * event})
	}
	o.history = append(o.history, operation{actor: a.index, pid: c.pid, op: "crash", call: 2*event + 1, end: 2*event + 1})
}

// specification says what a pid file is, as if every operation were a single
// step: a start succeeds when there is no holder and is refused when there is
// one, and a probe finds the holder. Its state is the holder's pid, or 0.
var specification = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{0} },
	Step: func(state, input, _ any) []any {
		var states []any
		for _, next := range input.(operation).follow(state.(int)) {
			states = append(states, next)
		}
		return states
	},
}).ToModel()

// follow returns the holders that there can be after o, of which there are
// none when o cannot happen while holder is the holder.
func (o operation) follow(holder int) []int {
	taken, given := []int{o.pid}, []int{0}
	switch {
	case o.op == "acquire" && o.result == "ok" && holder == 0:
		return taken
	case o.op == "acquire" && o.result == "refused" && holder != 0:
		return []int{holder}
	case o.op == "acquire" && o.result == unknown && holder == 0:
		return append(taken, holder)
	case o.op == "release" && o.result == "ok" && holder == o.pid:
		return given
	case o.op == "release" && o.result == unknown && holder == o.pid:
		return append(given, holder)
	case o.op == "crash" && holder == o.pid:
		return given
	case o.op == "crash", o.result == unknown:
		return []int{holder}
	case o.op == "probe" && o.finds(holder):
		return []int{holder}
	}
	return nil
}

// finds reports whether probe o can find that holder.
func (o operation) finds(holder int) bool {
	if o.status.State != lock.Held {
		return holder == 0
	}
	return holder != 0 && (o.status.PID == 0 || o.status.PID == holder)
}

// judge compares the whole history with the specification.
func (o *oracle) judge(r *run) {
	alike := r.c.Options[OptionPIDs] == "same"
	uninstalls := slices.ContainsFunc(r.c.Actors, func(a race.Actor) bool { return slices.Contains(a.Script, "uninstall") })
	if o.faulted || o.robbery || o.odd || alike || uninstalls || r.tier.linear(o.history) {
		return
	}
	o.fail(r, race.OneHolder, "no order explains what starts, stops and probes returned")
}

// linear reports whether the history agrees with the specification. It
// remembers those that do, by the order of their beginnings and ends.
func (t *Tier) linear(history []operation) bool {
	var times []int
	for _, o := range history {
		times = append(times, o.call, o.end)
	}
	slices.Sort(times)
	h := fingerprint(1)
	var operations []porcupine.Operation
	for _, o := range history {
		call, _ := slices.BinarySearch(times, o.call)
		end, _ := slices.BinarySearch(times, o.end)
		h = h.number(uint64(o.pid)).text(o.op).text(o.result).number(uint64(o.status.State)).number(uint64(o.status.PID))
		h = h.number(uint64(call)).number(uint64(end))
		operations = append(operations, porcupine.Operation{ClientId: o.actor, Input: o, Call: int64(call), Return: int64(end)})
	}
	if _, known := t.judged.Load(h); known {
		return true
	}
	ok := porcupine.CheckOperations(specification, operations)
	if ok {
		t.judged.Store(h, true)
	}
	return ok
}
