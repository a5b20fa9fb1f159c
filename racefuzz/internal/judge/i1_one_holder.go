package judge

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// oneHolder finds two servers at a time, and in the end histories that no order
// explains.
func oneHolder(j *Judge) {
	f := &j.fact
	if f.Kind == Exhausted {
		if j.promise.Linear != nil && !j.faulted && !j.robbed && !j.promise.Odd && !j.promise.Linear.linear(j.history) {
			j.breaks(race.OneHolder, "no order explains what starts, stops and probes returned")
		}
		return
	}
	if !j.holds(f.Who) {
		return
	}
	others := j.holders()
	if f.Window != 0 {
		others = j.windows[f.Window-1].always
		j.windows[f.Window-1].open = false
	}
	others = others.without(f.Who)
	if others == 0 {
		return
	}
	// The one that comes after all others is named last.
	first, second := min(f.Who, others.first()), max(f.Who, others.first())
	if j.promise.Program {
		j.breaks(race.OneHolder, "%s and %s both run as the server", j.lives[first].name, j.lives[second].name)
	} else {
		j.breaks(race.OneHolder, "%s and %s both hold the file", j.lives[first].name, j.lives[second].name)
	}
}
