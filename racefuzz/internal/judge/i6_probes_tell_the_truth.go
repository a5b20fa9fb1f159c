package judge

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// probesTellTheTruth compares what a probe says with what was true at some
// moment while it looked.
func probesTellTheTruth(j *Judge) {
	f := &j.fact
	w := &j.windows[f.Window-1]
	name := f.Name
	switch f.State {
	case Unknown:
		if f.Failed && !j.lives[f.Who].faulted && !j.promise.Odd {
			j.breaks(race.ProbesTellTheTruth, "the probe of %s fails: %s", name, f.Said)
		}
	case Nobody:
		for s := w.always; s != 0; s = s.without(s.first()) {
			if holder := j.lives[s.first()].name; j.promise.Program {
				j.breaks(race.ProbesTellTheTruth, "%s says that nobody runs, and %s does all the time", name, holder)
			} else {
				j.breaks(race.ProbesTellTheTruth, "the probe of %s finds %s, while %s is the holder", name, f.Said, holder)
			}
		}
		if f.PID != 0 && !slices.Contains(w.recorded, f.PID) && !j.recorded(f.PID) {
			j.breaks(race.ProbesTellTheTruth, "the probe of %s reads the pid %d, which the file does not record", name, f.PID)
		}
	case Held:
		named := slices.ContainsFunc(w.could, func(c claim) bool { return c.pid == f.PID })
		switch {
		case len(w.could) == 0:
			j.breaks(race.ProbesTellTheTruth, j.say("the probe of %s finds the file held, and nobody holds it", "%s says that somebody runs, and nobody does"), name)
		case f.PID != 0 && !named && j.promise.Program:
			j.breaks(race.ProbesTellTheTruth, "%s names a process that was not the server while it looked", name)
		case f.PID != 0 && !named:
			j.breaks(race.ProbesTellTheTruth, "the probe of %s names process %d, which was no holder", name, f.PID)
		}
	}
}

// recorded reports whether a file that is not always seen may have had that pid.
func (j *Judge) recorded(pid int) bool {
	return j.file.Object == Hidden && (line(j.promise.Found.Content) == pid ||
		slices.ContainsFunc(j.lives, func(l life) bool { return l.pid == pid }))
}

// say chooses between the words for who holds a file and those for programs
// that run.
func (j *Judge) say(holds, runs string) string {
	if j.promise.Program {
		return runs
	}
	return holds
}
