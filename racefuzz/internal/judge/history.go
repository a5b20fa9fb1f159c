package judge

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/anishathalye/porcupine"
)

// operation is one operation of an actor in a history. Its times are the
// indices of events, doubled so that something fits in between.
type operation struct {
	actor     int
	pid       int
	op        string // "acquire", "release", "probe" or "crash"
	result    State  // Held, Nobody, Lost for a start that was refused, or Unknown when the actor crashed
	named     int    // by a probe
	call, end int
}

// Histories remembers which histories agree with the specification. It may be
// used by several judges at a time.
type Histories struct{ known sync.Map }

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
	case o.op == "acquire" && o.result == Held && holder == 0:
		return taken
	case o.op == "acquire" && o.result == Lost && holder != 0:
		return []int{holder}
	case o.op == "acquire" && o.result == Unknown && holder == 0:
		return append(taken, holder)
	case o.op == "release" && o.result == Nobody && holder == o.pid:
		return given
	case o.op == "release" && o.result == Unknown && holder == o.pid:
		return append(given, holder)
	case o.op == "crash" && holder == o.pid:
		return given
	case o.op == "crash", o.op != "probe" && o.result == Unknown:
		return []int{holder}
	case o.op == "probe" && o.finds(holder):
		return []int{holder}
	}
	return nil
}

// finds reports whether probe o can find that holder.
func (o operation) finds(holder int) bool {
	if o.result != Held {
		return holder == 0
	}
	return holder != 0 && (o.named == 0 || o.named == holder)
}

// call notes that an operation of the history begins.
func (j *Judge) call(l *life) { l.call, l.after = j.fact.Event, j.order }

// returns notes that an operation has returned, and when it had begun. What
// failed may have done nothing, and is no part of the history.
func (j *Judge) returns(op string, call int, after hash, result State) {
	f := &j.fact
	j.order = j.order.number(uint64(f.Who)).text(op).text(f.Said).number(uint64(after))
	if j.promise.Linear != nil && !f.Failed && op != "check" && (op != "probe" || result != Unknown) {
		j.history = append(j.history, operation{f.Who, j.lives[f.Who].pid, op, result, f.PID, 2 * call, 2 * f.Event})
	}
}

// cut notes the crash of an actor, and what it was doing then.
func (j *Judge) cut(l *life) {
	i, event := j.fact.Who, j.fact.Event
	j.order = j.order.number(uint64(i)).text("crash").number(uint64(l.after))
	if j.promise.Linear == nil {
		return
	}
	switch l.phase {
	case starting:
		j.history = append(j.history, operation{i, l.pid, "acquire", Unknown, 0, 2 * l.call, 2 * event})
	case stopping:
		j.history = append(j.history, operation{i, l.pid, "release", Unknown, 0, 2 * l.call, 2 * event})
	}
	j.history = append(j.history, operation{i, l.pid, "crash", Unknown, 0, 2*event + 1, 2*event + 1})
}

// linear reports whether a history agrees with the specification. It remembers
// those that do, by the order of their beginnings and ends.
func (s *Histories) linear(history []operation) bool {
	var times []int
	for _, o := range history {
		times = append(times, o.call, o.end)
	}
	slices.Sort(times)
	h := hash(1)
	var operations []porcupine.Operation
	for _, o := range history {
		call, _ := slices.BinarySearch(times, o.call)
		end, _ := slices.BinarySearch(times, o.end)
		h = h.number(uint64(o.pid)).text(o.op).number(uint64(o.result)).number(uint64(o.named))
		h = h.number(uint64(call)).number(uint64(end))
		operations = append(operations, porcupine.Operation{ClientId: o.actor, Input: o, Call: int64(call), Return: int64(end)})
	}
	if _, known := s.known.Load(h); known {
		return true
	}
	ok := porcupine.CheckOperations(specification, operations)
	if ok {
		s.known.Store(h, true)
	}
	return ok
}

// hash is a hash that is built word by word.
type hash uint64

func (h hash) number(n uint64) hash {
	high, low := bits.Mul64(uint64(h)^0x9e3779b97f4a7c15, n^0xe7037ed1a0b428db)
	return hash(high ^ low + 1)
}

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = h.number(uint64(s[i]))
	}
	return h.number(uint64(len(s)) << 8)
}
