package judge

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// aServerSucceeds finds servers that live on while none is recorded: a holder
// that is told the wrong thing of its file when it asks, by which it would know;
// a standby that looks, alone, and does not take over; and one that does
// nothing until its time has passed.
func aServerSucceeds(j *Judge) {
	f := &j.fact
	l := &j.lives[f.Who]
	switch f.Kind {
	case Heard:
		said, lost := f.State == Lost, j.misplaced(f.Who)
		if l.phase == serving && f.State != Unknown && !(l.faulted && f.Failed) && said != lost && (lost || !l.robbed) {
			j.breaks(race.AServerSucceeds, "the check of %s says %s, while the name is %s", l.name, f.Said, j.file)
		}
	case Stands:
		if j.was.waking && !j.was.disturbed && j.holders() == 0 {
			j.breaks(race.AServerSucceeds, "%s runs, nobody is the recorded server, and it does not take over", l.name)
		}
	case Idles:
		if f.Said != "" {
			j.breaks(race.AServerSucceeds, "%s has lived for %s, and the pid file names no server that lives", l.name, f.Said)
		} else if j.holders() == 0 {
			j.breaks(race.AServerSucceeds, "%s runs, nobody is the recorded server, and within 2 s it does not look", l.name)
		}
	}
}
