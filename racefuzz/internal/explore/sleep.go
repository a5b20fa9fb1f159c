package explore

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Two steps that commute need be explored in one order only. Where a has the
// turn and could go on with x, but b comes in with y,
//
//	a: … x      b: y …          explored first, as x speaks for itself
//	b: y …      a: … x          leads to the same, if x and y commute
//
// the second begins with x asleep: it need not be made until b has made a step
// that does not commute with it. No bound is lost by that, for to let a make x
// first takes no preemption more. Where a had the turn no longer, to begin with x
// and then to leave a takes one, and nothing goes to sleep.
//
// A crash takes no turn, and gives none back to who waits for the victim: the steps
// of others take no preemption after it that take none before it. So of every order
// of a crash and a step that commute the one is explored in which the crash comes
// first. The steps of the victim itself wake its crash. Where it leaves processes of
// its own, the crash may wake one of them, which has the turn then: such a crash
// never sleeps.

// sleeper is a move that need not be made, as it was made, or put down to be
// made, before the moves of others, and commutes with all of these.
type sleeper struct {
	lane  string
	crash bool
	foot  Footprint
}

func (s *sleeper) is(m race.Move) bool {
	return s.lane == m.Actor && (s.crash && m.Fault == race.Crash || !s.crash && m.Fault == race.NoFault)
}

// mark names a sleeper as it is called in a cast.
func (s *sleeper) mark(c *Cast) string { return mark(c, s.lane, s.crash) }

func mark(c *Cast, lane string, crash bool) string {
	if crash {
		lane += "} crash {"
	}
	return c.Rename("{" + lane + "}")
}

func sleeps(asleep []*sleeper, m race.Move) bool {
	return slices.ContainsFunc(asleep, func(s *sleeper) bool { return s.is(m) })
}

// stillAsleep are the sleepers that sleep on after a move with that footprint.
// Processes of one actor may talk by pipes and wait for each other's ends, of which
// no footprint tells.
func stillAsleep(all []*sleeper, m race.Move, f Footprint) (still []*sleeper) {
	for _, s := range all {
		if !sameActor(s.lane, m.Actor) && s.foot.Commutes(f) {
			still = append(still, s)
		}
	}
	return still
}
