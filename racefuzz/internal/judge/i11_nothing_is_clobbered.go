package judge

import (
	"cmp"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// nothingIsClobbered finds who takes what is no pid file for one, reports that
// it has stopped and has not, never comes to an end, or does what must not be done at all.
func nothingIsClobbered(j *Judge) {
	f := &j.fact
	l := &j.lives[f.Who]
	switch f.Kind {
	case Serves:
		if j.odd && j.promise.Content != "" {
			j.breaks(race.NothingIsClobbered, "%s takes what is no pid file for one", l.name)
		}
	case Ends:
		switch {
		case j.was.phase == visiting:
		case j.was.phase == starting && l.faulted && f.State == Held && !l.reason && l.met == 0 && !j.odd:
			j.breaks(race.NothingIsClobbered, "%s takes a call that fails for a holder, and nobody holds the file", l.name)
		case f.Open:
			j.breaks(race.NothingIsClobbered, "%s reports %s and keeps the file open", l.name, f.Said)
		case l.faulted && !j.file.Removed && j.shows(j.file, f.Who) == whole:
			j.breaks(race.NothingIsClobbered, "%s reports %s and stays recorded", l.name, f.Said)
		}
	case Exits:
		if j.odd && l.phase != stopping && !f.Open {
			j.breaks(race.NothingIsClobbered, "%s ended without an error: %s", l.name, f.Said)
		}
	case Endless:
		j.breaks(race.NothingIsClobbered, "%s goes on for ever", l.name)
	case Clobbers:
		j.breaks(race.NothingIsClobbered, "%s %s", cmp.Or(f.Name, l.name), f.Said)
	}
}
