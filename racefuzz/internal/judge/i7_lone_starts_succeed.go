package judge

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// loneStartsSucceed finds a start that waits for ever though nobody runs, and one
// that was refused though nobody whom it met was the server or could have become
// it, because of a probe that had a lock, or when
// nothing was left that it could take for a server: then a probe that looked
// meanwhile is to blame, or without one the start itself, or another that was
// refused by it.
func loneStartsSucceed(j *Judge) {
	if who := j.waitForEver(); who != "" && !j.left { // see [crashesAreTakenOver]
		j.breaks(race.LoneStartsSucceed, "%s for ever although nobody runs", who)
	}
	for _, r := range j.refused {
		switch {
		case j.left && !r.barred: // see [crashesAreTakenOver]
		case j.promise.Program && r.probed:
			j.breaks(race.LoneStartsSucceed, "%s does not start although nobody runs, because of a probe", r.name)
		case j.promise.Program:
			j.breaks(race.LoneStartsSucceed, "%s does not start although nobody runs and nobody starts instead", r.name)
		case r.probed:
			j.breaks(race.LoneStartsSucceed, "%s starts alone and fails because of a probe: %s", r.name, r.said)
		default:
			j.breaks(race.LoneStartsSucceed, "%s starts alone and fails: %s", r.name, r.said)
		}
	}
}
