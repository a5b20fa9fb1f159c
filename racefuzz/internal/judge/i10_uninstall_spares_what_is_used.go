package judge

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// uninstallSparesWhatIsUsed finds a store that is removed while a server uses
// it, and an uninstall that says what is not so.
func uninstallSparesWhatIsUsed(j *Judge) {
	f := &j.fact
	l := &j.lives[f.Who]
	switch f.Kind {
	case Misses:
		j.breaks(race.UninstallSparesWhatIsUsed, "somebody removes the store that %s uses", l.name)
	case Removes:
		if others := j.stored().without(f.Who); others != 0 {
			j.breaks(race.UninstallSparesWhatIsUsed, "%s removes the store that %s uses", l.name, j.lives[others.first()].name)
		}
	case Lists:
		if name, found := j.forgotten(&j.windows[f.Window-1], f.Names); found && !j.odd {
			j.breaks(race.UninstallSparesWhatIsUsed, "%q was acknowledged and is not in the store", name)
		}
	case Finds:
		if j.cleared && !j.odd {
			j.breaks(race.UninstallSparesWhatIsUsed, "uninstall is done, and there is still %s", f.Said)
		}
	case Endless:
		if l.phase == visiting && !j.odd {
			j.breaks(race.UninstallSparesWhatIsUsed, "uninstall does not come to an end")
		}
	case Ends:
		if j.was.phase == visiting {
			j.uninstalled()
		}
	}
}

// uninstalled judges the word of an uninstall.
func (j *Judge) uninstalled() {
	f := &j.fact
	l := &j.lives[f.Who]
	switch {
	case !f.Failed && f.Open:
		j.breaks(race.UninstallSparesWhatIsUsed, "the uninstall of %s says that it is done, and leaves the store", l.name)
	case f.State == Nobody && l.users&j.users() != 0 && !j.odd:
		j.breaks(race.UninstallSparesWhatIsUsed, "uninstall is done while %s has the store open", j.lives[(l.users&j.users()).first()].name)
	case f.Failed && !l.reason && !l.faulted && !j.odd:
		j.breaks(race.UninstallSparesWhatIsUsed, "the uninstall of %s fails though nobody uses the store: %s", l.name, f.Said)
	}
}

// stored returns the servers that use the store.
func (j *Judge) stored() (s set) {
	for i := range j.lives {
		if j.lives[i].phase == serving {
			s |= one(i)
		}
	}
	return s
}
