package judge

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// readersFindTheHolder finds a server whose pid a reader does not find, and a
// start that shows readers nothing between two pids. What was put into the
// place of its file is for [onlyTheHolderChanges], and the rest of an old pid
// behind its own for [crashesAreTakenOver].
func readersFindTheHolder(j *Judge) {
	f := &j.fact
	l := &j.lives[f.Who]
	if f.Kind == Told && j.was.phase == serving && j.promise.Sequel && j.misplaced(f.Who) && !j.was.robbed {
		j.breaks(race.ReadersFindTheHolder, "%s held the file, and no reader found it", l.name)
	}
	if j.promise.Content == "" {
		return
	}
	if f.Kind == Returns && !j.promise.Standby && j.shows(j.file, f.Who) != whole && !j.namesHolder() {
		j.breaks(race.ReadersFindTheHolder, "the command that started %s has ended, and the pid file holds %s", l.name, j.file.found())
	}
	if f.Kind == Changes && j.emptied() {
		if j.promise.Program {
			j.breaks(race.ReadersFindTheHolder, "%s empties the pid file before it writes its own pid: a reader in between finds nothing", l.name)
		} else {
			j.breaks(race.ReadersFindTheHolder, "while %s starts, a reader finds %s", l.name, j.file)
		}
	}
	if f.Kind == Emptied && !j.promise.Lenient {
		j.breaks(race.ReadersFindTheHolder, "somebody empties the pid file, and a reader finds nothing")
	}
	j.misread(other, func(i int, found File) {
		l := &j.lives[i]
		switch {
		case !j.promise.Program:
			j.breaks(race.ReadersFindTheHolder, "%s holds the file, and a reader finds %s instead of %d", l.name, found, l.pid)
		case f.Kind == Changes && i != f.Who:
			j.breaks(race.ReadersFindTheHolder, "%s runs, and after %s of %s its pid file holds %s", l.name, f.Name, j.lives[f.Who].name, found.found())
		default:
			j.breaks(race.ReadersFindTheHolder, "%s runs, and its pid file holds %s", l.name, found.found())
		}
	})
}

// namesHolder reports whether the file is that of a server: a command may say as
// well that all is in order because one runs already.
func (j *Judge) namesHolder() bool {
	for s := j.holders(); s != 0; s = s.without(s.first()) {
		if j.shows(j.file, s.first()) == whole {
			return true
		}
	}
	return false
}

// emptied reports whether somebody has emptied the pid file in its start, while
// there was nobody else's pid to be found.
func (j *Judge) emptied() bool {
	l := &j.lives[j.fact.Who]
	return !j.promise.Lenient && l.phase == starting && !l.faulted && j.holders() == 0 &&
		j.before.Object == j.file.Object && j.before.Content != "" && j.file.Content == ""
}

// misread calls each for every server of whom a reader who looks now, or whose
// window is over, finds what is not as it should be in that way.
func (j *Judge) misread(how shows, each func(i int, found File)) {
	f := &j.fact
	found, servers := j.file, j.holders()
	switch f.Kind {
	case Saw:
		found, servers = f.File, j.windows[f.Window-1].always
	case Serves, Locks:
		servers &= one(f.Who)
	case Changes:
	default:
		return
	}
	if f.Kind != Saw && found.Object == Hidden {
		return
	}
	for ; servers != 0; servers = servers.without(servers.first()) {
		if i := servers.first(); !j.lost(i) && j.reading(i, found) == how {
			each(i, found)
		}
	}
}

// reading says how far what was found is what it should be for a server. What
// others cannot have changed since it was last seen, it has changed itself.
func (j *Judge) reading(i int, found File) shows {
	f, l := &j.fact, &j.lives[i]
	got := j.shows(found, i)
	if got == whole {
		l.shown = found.Object
		return whole
	}
	mine := f.Kind == Serves || f.Kind == Locks || f.Kind == Changes && f.Who == i
	if !mine && (found.Object == 0 || l.shown > 0 && found.Object > 0 && found.Object != l.shown) {
		return replaced
	}
	return got
}
