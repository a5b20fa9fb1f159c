package judge

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// serversAnswerAndStop finds a server that does not answer as it should, that
// ends without having been told to, or otherwise than in order, and one that was
// told to stop and lives on. Who was told in a way that it could not notice
// before it lived is excused, and so is what a server that was told has no time
// for any more.
func serversAnswerAndStop(j *Judge) {
	f := &j.fact
	l := &j.lives[f.Who]
	switch f.Kind {
	case Outlives:
		switch {
		case l.unseen:
		case f.Said == "":
			j.breaks(race.ServersAnswerAndStop, "%s was asked to stop and lives on", l.name)
		default:
			j.breaks(race.ServersAnswerAndStop, "%s still runs %s", l.name, f.Said)
		}
	case Exits:
		switch {
		case j.odd:
		case l.phase != stopping:
			j.breaks(race.ServersAnswerAndStop, "%s ended by itself: %s", l.name, f.Said)
		case f.Failed && l.answered:
			j.breaks(race.ServersAnswerAndStop, "%s ended with %s", l.name, f.Said)
		}
	case Mute:
		j.breaks(race.ServersAnswerAndStop, "%s %s", l.name, f.Said)
	case Owes:
		if slices.Contains(j.listed, f.Name) {
			j.breaks(race.ServersAnswerAndStop, "%s added %q and never answered", l.name, f.Name)
		}
	case Lists:
		for _, name := range j.owed {
			if slices.Contains(f.Names, name) {
				j.breaks(race.ServersAnswerAndStop, "%q was added and never answered", name)
			}
		}
	case Errs:
		if !l.drained && !j.odd && !j.windows[f.Window-1].visited {
			j.breaks(race.ServersAnswerAndStop, "%s answers %s", l.name, f.Said)
		}
	}
}
