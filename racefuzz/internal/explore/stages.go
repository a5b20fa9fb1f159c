package explore

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// stages are the order in which a plan is explored: what finds most comes first, in
// every case before anything else comes in any. Stage after stage a schedule may spend
// nothing, then a preemption, then a crash as well, another preemption, another
// crash, and so on, with what is cheaper first. Cases of one round more have many
// more schedules, and are three passes behind: the first two stages of theirs come
// before the second preemption. A case with one more actor than another one is a pass
// behind. In a pass the cases take turns: one schedule of each, then ten, a hundred.
type stages struct {
	last         int   // stage
	fewest, most int   // actors of a case
	rounds       []int // of the cases, the fewest first
}

// behind is by how many passes cases of more rounds are.
const behind = 3

// begins is the pass in which a stage begins, of the cases that are never behind.
func begins(stage int) int {
	if stage < behind {
		return stage
	}
	return stage + 2 // after the first two of the cases that are behind
}

// passes is how many there are in all: in each, every case is in a stage of its own.
func (s stages) passes() int {
	return begins(s.last) + behind*(len(s.rounds)-1) + s.most - s.fewest + 1
}

// stage is the first in which a schedule is run that spends b.
func (b Bounds) stage() int {
	return max(2*b.Preemptions-1, 2*b.Crashes, 2*b.Faults)
}

// upToStage are the bounds within which all is explored that is explored in a stage.
func (b Bounds) upToStage(stage int) Bounds {
	return Bounds{min(b.Preemptions, (stage+1)/2), min(b.Crashes, stage/2), min(b.Faults, stage/2)}
}

func (p Plan) stages() stages {
	s := stages{last: p.Bounds.stage(), fewest: math.MaxInt}
	for _, c := range p.Cases {
		s.fewest, s.most = min(s.fewest, len(c.Actors)), max(s.most, len(c.Actors))
		if !slices.Contains(s.rounds, c.Rounds()) {
			s.rounds = append(s.rounds, c.Rounds())
		}
	}
	slices.Sort(s.rounds)
	return s
}

// of is the stage of a case in a pass, or -1 if nothing of it is to be explored yet.
func (s stages) of(c race.Case, pass int) (stage int) {
	pass -= len(c.Actors) - s.fewest + behind*slices.Index(s.rounds, c.Rounds())
	for stage = -1; stage < s.last && begins(stage+1) <= pass; stage++ {
	}
	return stage
}

// Reached says what is complete of an exploration by [Bounded] that was stopped,
// or nothing where nothing is. What a case without others to race shows is left out
// where there are more.
func (p Plan) Reached(r Result) string {
	s := p.stages()
	var proved []string
	for _, c := range p.Cases {
		stage := s.of(c, r.Passes-1)
		if stage < 0 || len(c.Actors) == 1 && s.most > 1 {
			continue
		}
		text := count(len(c.Actors), "actor", "actors")
		if n := c.Rounds(); n > 0 {
			text += ", " + count(n, "round", "rounds")
		}
		if text += fmt.Sprint(", ", p.Bounds.upToStage(stage)); !slices.Contains(proved, text) {
			proved = append(proved, text)
		}
	}
	if len(proved) == 0 {
		return ""
	}
	return "complete up to " + strings.Join(proved, "; ")
}
