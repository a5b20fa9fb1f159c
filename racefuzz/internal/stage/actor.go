package stage

import (
	"errors"
	"iter"
	"strconv"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// actor is a coroutine that plays a script. Between two steps it stands before
// a call of the system, whose name is op.
type actor struct {
	run    *run
	index  int
	name   string
	script []string
	at     int // the operation of the script that it is in
	pid    int
	doing  string // the operation of its script that the judge knows it to be in

	process process
	holder  mutant.Holder
	tried   bool    // to lock something, ever
	files   []*file // open, in the order in which they were opened

	resume func() (string, bool)
	end    func()
	yield  func(string) bool
	op     string // what it does next; "" when it has finished
	dead   bool
	stuck  bool // waits for ever

	paused bool   // has waited in this operation of its script
	moved  uint64 // the actors that have moved since
	owes   uint64 // the actors that must move before it tries again, if they can

	fault   race.Fault // what befalls the step under way
	result  string     // of the last step
	detail  string     // the operand of the next step
	history fingerprint

	responses []response // of operations of the script that have just returned
}

// response is what an operation of the script returned.
type response struct {
	op     string
	result string // in words
	err    error
	status lock.Status
}

// start begins a process that plays the script from a.at on.
func (a *actor) start() {
	a.process = a.run.world.process(a.pid)
	a.files, a.holder, a.dead = a.files[:0], nil, false
	a.resume, a.end = iter.Pull(iter.Seq[string](a.play))
	a.advance()
}

// advance lets the actor go on until it stands before its next step.
func (a *actor) advance() {
	op, more := a.resume()
	if !more {
		op = ""
	}
	a.op = op
}

// crash ends the process without any clean-up of its own. A restart that
// follows in the script begins a new one.
func (a *actor) crash() {
	a.process.Die()
	a.dead, a.op, a.files = true, "", a.files[:0]
	a.paused, a.moved, a.owes = false, 0, 0
	a.end()
	a.responses = nil
	a.history = a.history.text("crash")
	for a.at < len(a.script) && a.script[a.at] != "restart" {
		a.at++
	}
	if a.at < len(a.script) {
		a.at++
		a.pid += restarted
		a.start()
	}
}

// errEnded unwinds the coroutine of an actor that will not be resumed.
var errEnded = errors.New("the actor has ended")

func (a *actor) play(yield func(string) bool) {
	defer func() {
		if r := recover(); r != nil && r != errEnded {
			panic(r)
		}
	}()
	a.yield = yield
	for ; a.at < len(a.script); a.at++ {
		a.perform(a.script[a.at])
	}
}

// turn waits for the actor's turn to make step op. It does not return to an
// actor that has ended, except for what that one has deferred.
func (a *actor) turn(op, detail string) {
	a.detail = detail
	if !a.yield(op) {
		a.dead = true
		panic(errEnded)
	}
}

func (a *actor) did(result string) {
	a.result = result
	a.history = a.history.text(result)
}

func (a *actor) perform(op string) {
	sys := seam{a}
	switch op {
	case "acquire":
		if a.holder != nil {
			return
		}
		h, err := a.run.protocol.Acquire(sys, race.PIDFile)
		a.holder = h
		a.respond(response{op: op, err: err})
	case "release":
		if a.holder != nil {
			a.respond(response{op: op, err: a.holder.Release()})
		}
	case "check":
		if a.holder != nil {
			a.respond(response{op: op, err: a.holder.Check()})
		}
	case "probe":
		status, err := a.run.protocol.Probe(sys, race.PIDFile)
		a.respond(response{op: op, err: err, status: status})
	case "uninstall":
		a.respond(response{op: op, err: a.run.protocol.Uninstall(sys, race.PIDFile, Store)})
	case "read":
		a.turn("read", race.PIDFile)
		a.did(a.run.state().String())
	case "remove":
		sys.Remove(race.PIDFile)
	case "crash":
		a.turn("crash", "")
	}
}

// respond notes what an operation of the script returned; it becomes an event
// of its own.
func (a *actor) respond(got response) {
	got.result = outcome(got.err)
	if got.op == "probe" && got.err == nil {
		got.result = got.status.State.String()
		if got.status.PID != 0 {
			got.result += " " + strconv.Itoa(got.status.PID)
		}
	}
	a.responses = append(a.responses, got)
	a.paused, a.moved, a.owes = false, 0, 0
	a.history = a.history.text(got.op).text(got.result)
}

// wait keeps actors that wait from waking each other for ever, while somebody
// whom both wait for never moves: from the second time on, whoever could have
// moved since the last time and did not goes first.
func (a *actor) wait() {
	a.owes = 0
	for _, x := range a.run.actors[:len(a.run.actors)-1] {
		if a.paused && x != a && x.able() {
			a.owes |= 1 << x.index
		}
	}
	a.owes &^= a.moved
	a.paused, a.moved = true, 0
}

// able reports whether there is something that a does next, and that nothing
// speaks against doing.
func (a *actor) able() bool { return a.op != "" && !a.stuck && !a.process.Parked() }

// scripted returns the operation of the script that the actor is in.
func (a *actor) scripted() string {
	if a.at < len(a.script) {
		return a.script[a.at]
	}
	return ""
}
