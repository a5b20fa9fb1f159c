package race

import (
	"strings"
	"time"
)

// Step is one operation of one actor. Result is what came of it, in a word or
// two: "ok", "refused", "EEXIST", "4242". In a schedule to be replayed an
// empty Result stands for any.
type Step struct {
	Actor  string
	Op     string // "open", "lock", "crash", … ; one word
	Result string
}

// Schedule is an order of steps.
type Schedule []Step

// String returns the step as it stands in a saved case: "b lock: refused".
func (s Step) String() string {
	text := s.Actor + " " + s.Op
	if s.Result != "" {
		text += ": " + s.Result
	}
	return text
}

// ParseStep is the inverse of [Step.String].
func ParseStep(text string) (Step, bool) {
	move, result, _ := strings.Cut(text, ": ")
	actor, op, ok := strings.Cut(move, " ")
	return Step{Actor: actor, Op: op, Result: result}, ok && actor != "" && op != ""
}

// Event is a step that happened, and what the case's directory looked like
// right after it.
type Event struct {
	Step
	Detail    string        // the operation's operands, for people: a path, a system call
	Time      time.Duration // since the start of the case; 0 where time does not pass
	File      string        // what the pid file held; "-" when there was none, "" when it was empty
	Lock      string        // who held its lock, such as "a" or "b c (shared)"; "" for nobody
	Inode     int           // which file the name meant: 1 for the case's first, 2 for the next; 0 for none or not known
	Orphans   string        // locks held on files that have lost the name, by Inode: "1 a" or "1 a, 2 b c (shared)"
	Preempted bool          // the previous actor could have gone on
	// Stack has the functions in which the actor made the step, one a line, the
	// innermost first. It is [NoSymbols] where they have no names, and "" where
	// nobody asked.
	Stack string
}

// NoSymbols is the stack of a step whose functions have no names.
const NoSymbols = "no symbols"

// Schedule returns the steps of events.
func ScheduleOf(events []Event) Schedule {
	steps := make(Schedule, len(events))
	for i, e := range events {
		steps[i] = e.Step
	}
	return steps
}

// Preemptions counts the events before which the previous actor could have
// gone on.
func Preemptions(events []Event) int {
	n := 0
	for _, e := range events {
		if e.Preempted {
			n++
		}
	}
	return n
}

// ActorOf returns the actor of a lane: events of an actor with several
// processes have "a" for the first of them, and "a.1", "a.2" for others.
func ActorOf(lane string) string {
	name, _, _ := strings.Cut(lane, ".")
	return name
}
