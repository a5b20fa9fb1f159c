package judge

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// nothingRemains finds what is left once all have stopped in order. After a
// crash that is so only once somebody who started later was the server: the pid
// file then was its own, and what else a crash has left is another's but where
// that is promised. A file that was there before and that nobody took over may
// stay.
func nothingRemains(j *Judge) {
	f := &j.fact
	alive := slices.ContainsFunc(j.lives, func(l life) bool { return l.phase != gone })
	if alive || j.disorder || f.Window != 0 && j.windows[f.Window-1].busy || slices.Contains(j.promise.Leaves, f.Name) {
		return
	}
	if f.Name != j.promise.PIDFile {
		if !slices.Contains(j.promise.Files, f.Name) && (j.promise.Tidy || !j.crashed) {
			j.breaks(race.NothingRemains, "all have stopped, and %s remains", f.Name)
		}
		return
	}
	untouched := j.file == j.promise.Found && !j.served
	if !untouched && !j.odd {
		if j.promise.Program {
			j.breaks(race.NothingRemains, "all have stopped, and %s remains", f.Name)
		} else {
			j.breaks(race.NothingRemains, "all have stopped, and the pid file is left with %s", j.file)
		}
	}
}
