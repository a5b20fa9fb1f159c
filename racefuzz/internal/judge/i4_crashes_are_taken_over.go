package judge

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// crashesAreTakenOver finds a start that is refused because of what is left, by
// a crash or since before, and a server whose pid has not replaced an old one
// whole: there is the rest of that behind its own.
func crashesAreTakenOver(j *Judge) {
	for _, r := range j.refused {
		switch {
		case r.barred || !j.left: // see [loneStartsSucceed]
		case j.promise.Program:
			j.breaks(race.CrashesAreTakenOver, "%s does not start although nobody runs", r.name)
		default:
			j.breaks(race.CrashesAreTakenOver, "%s starts alone and fails: %s", r.name, r.said)
		}
	}
	if who := j.waitForEver(); who != "" && j.left {
		j.breaks(race.CrashesAreTakenOver, "%s for ever although nobody runs", who)
	}
	if j.promise.Content == "" {
		return
	}
	j.misread(remains, func(i int, found File) {
		l := &j.lives[i]
		if j.promise.Program {
			j.breaks(race.CrashesAreTakenOver, "%s runs, and its pid has not replaced the old one whole: the pid file holds %s", l.name, found.found())
		} else {
			j.breaks(race.CrashesAreTakenOver, "%s holds the file, and a reader finds %s instead of %d", l.name, found, l.pid)
		}
	})
}
