package explore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Diverged is the error of a replay in which something else happened than was
// recorded.
type Diverged struct {
	Index int       // of the step
	Want  race.Step // as recorded
	Got   string    // what happened, or could have happened, instead
}

func (d *Diverged) Error() string {
	return fmt.Sprintf("step %d: recorded %q, but %s", d.Index+1, d.Want, d.Got)
}

// Replay runs a recorded schedule, step by step, to its end. The error is a
// [*Diverged] when a step cannot be made, or its result is another one.
func Replay(tier race.Tier, c race.Case, s race.Schedule) (Witness, error) {
	w := Witness{Case: c}
	var on course
	if err := on.start(tier, c); err != nil {
		return w, err
	}
	defer on.Close()
	for i, step := range s {
		moves := on.look().moves
		m, ok := find(moves, step)
		if !ok {
			return w, &Diverged{i, step, canInstead(moves, step.Actor)}
		}
		err := on.do(m)
		if w.Events = on.events; err != nil {
			return w, err
		}
		e := w.Events[i]
		if step.Result != "" && e.Result != step.Result {
			return w, &Diverged{i, step, fmt.Sprintf("now it is %q", e.Step)}
		}
	}
	w.Verdict = on.Verdict()
	return w, nil
}

// find returns the move that makes a recorded step.
func find(moves []race.Move, s race.Step) (race.Move, bool) {
	i := slices.IndexFunc(moves, func(m race.Move) bool { return m.Actor == s.Actor && makes(m, s) })
	if i < 0 {
		return race.Move{}, false
	}
	return moves[i], true
}

// makes reports whether m, which is its actor's, makes step s: a crash bears
// that name, and a call that is made to fail has the fault as its result.
func makes(m race.Move, s race.Step) bool {
	switch m.Fault {
	case race.NoFault:
		return m.Op == s.Op && !fails(s)
	case race.Crash:
		return s.Op == string(race.Crash)
	}
	return m.Op == s.Op && s.Result == string(m.Fault)
}

// fails reports whether the call of step s was made to fail.
func fails(s race.Step) bool { return strings.HasPrefix(s.Result, "fail ") }

func canInstead(moves []race.Move, actor string) string {
	for _, m := range moves {
		if m.Actor == actor && m.Fault == race.NoFault {
			return fmt.Sprintf("%s is about to %s", actor, m.Op)
		}
	}
	if len(moves) == 1 {
		return fmt.Sprintf("only %s can move", moves[0].Actor)
	}
	return actor + " cannot move"
}

// Follow runs c in the order of turns of a schedule that may be another
// protocol's: each of its steps gives one turn to its actor, whatever the
// actor then does, and is left out when that actor cannot move. Crashes and
// failing calls happen where they can. Where nobody has a choice, that move is
// made first. What is left after the last turn goes on in the order of the
// actors, to the end of the case.
func Follow(tier race.Tier, c race.Case, s race.Schedule) (Witness, error) {
	w := Witness{Case: c}
	var on course
	if err := on.start(tier, c); err != nil {
		return w, err
	}
	defer on.Close()
	for _, step := range s {
		if on.Verdict().Broken() {
			break
		}
		here := on.look()
		moves := here.moves[:here.fair]
		if len(moves) == 1 && moves[0].Actor != step.Actor {
			if err := on.do(moves[0]); err != nil {
				return w, err
			}
			here = on.look()
			moves = here.moves[:here.fair]
		}
		m, ok := find(moves, step)
		if !ok {
			m, ok = turnOf(moves, step.Actor)
		}
		if ok {
			if err := on.do(m); err != nil {
				return w, err
			}
		}
	}
	err := on.finish()
	w.Events, w.Verdict = on.events, on.Verdict()
	return w, err
}

func turnOf(moves []race.Move, actor string) (race.Move, bool) {
	for _, m := range moves {
		if m.Actor == actor && m.Fault == race.NoFault {
			return m, true
		}
	}
	return race.Move{}, false
}
