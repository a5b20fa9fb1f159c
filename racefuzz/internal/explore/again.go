package explore

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Who is refused may pause and try again, and how often he does so between two
// steps of others is chance. Where others are in the middle of something, they
// make a step before each of his tries:
//
//	b: try   a: x   b: try   a: y …          explored
//	b: try   b: try   a: x   b: try …        the same, as what is refused once more changes nothing
//
// But he may also give up after so many tries, or take by force what he does not
// get. For that he tries on alone, once, from each point at which he has to wait:
//
//	b: try   b: try   b: try   b: steal   a: x …          explored as well
//
// This holds as long as being refused changes nothing but the number of tries. And
// it takes whoever tries more often than mostTries for one that never stops.

// mostTries is how often a lane tries on alone.
const mostTries = 32

// tryOn returns the move with which a lane tries once more, or -1 where it has
// done so too often.
func (w *walk) tryOn(p *point) int {
	i := slices.IndexFunc(p.moves, func(m race.Move) bool { return m.Actor == w.alone && m.Fault == race.NoFault })
	if w.tries++; w.tries < mostTries {
		return i
	}
	if !w.ahead {
		w.x.mu.Lock()
		defer w.x.mu.Unlock()
		w.x.endless[w.x.tried(p.moves[i])] = true
	}
	return -1
}

func (x *search) neverStops(m race.Move) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.endless[x.tried(m)]
}

func (x *search) tried(m race.Move) string { return x.concerns.role(m.Actor) + " " + m.Op }

// triesAgain reports whether a lane is about to try again.
func (c *course) triesAgain(lane string) bool {
	return slices.ContainsFunc(c.here.moves, func(m race.Move) bool {
		return m.Actor == lane && m.Fault == race.NoFault && c.describer.Describe(m) == TriesAgain
	})
}
