package judge

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// onlyTheHolderChanges finds a file that is changed, removed or replaced by
// somebody else than the server that it belongs to, or than who has its lock.
func onlyTheHolderChanges(j *Judge) {
	f := &j.fact
	if f.Kind == Changes && j.before.Object > 0 && (j.before.Object != j.file.Object || j.before.Content != j.file.Content || j.before.Readable != j.file.Readable) {
		j.harm()
	}
	if j.promise.Content == "" {
		return
	}
	j.misread(replaced, func(i int, found File) {
		name := j.lives[i].name
		switch {
		case f.Kind == Saw && found.Object == 0:
			j.breaks(race.OnlyTheHolderChanges, "the pid file is gone while %s holds it", name)
		case f.Kind == Saw:
			j.breaks(race.OnlyTheHolderChanges, "another file with %s is in the place of the pid file while %s holds it", found, name)
		case found.Object == 0:
			j.breaks(race.OnlyTheHolderChanges, "%s removes the pid file of %s, which runs", j.lives[f.Who].name, name)
		default:
			j.breaks(race.OnlyTheHolderChanges, "%s puts another file in the place of the pid file of %s, which runs", j.lives[f.Who].name, name)
		}
	})
}

// harm looks for who has the lock of the file that somebody else has changed,
// or serves without one. Who notices too late that it has lost the file robs a
// successor without being able to help it.
func (j *Judge) harm() {
	f := &j.fact
	harmed := -1
	for i := range j.lives {
		if i != f.Who && j.protected(i) {
			harmed = i
			break
		}
	}
	by := j.lives[f.Who]
	switch {
	case harmed < 0:
	case by.excused:
		j.rob(j.before)
	case j.file.Object == j.before.Object:
		j.breaks(race.OnlyTheHolderChanges, "%s changes the file of %s", by.name, j.lives[harmed].name)
	default:
		j.breaks(race.OnlyTheHolderChanges, "%s removes the file of %s", by.name, j.lives[harmed].name)
	}
}

// protected reports whether nobody but that actor may change the file.
func (j *Judge) protected(i int) bool {
	l := &j.lives[i]
	if l.robbed || l.phase == gone {
		return false
	}
	return j.promise.Sequel && j.holds(i) && !l.tried || slices.Contains(l.locks, j.before.Object)
}
