package judge

// State appends all that can still change a verdict, as numbers: two runs of a
// case with equal numbers will be judged alike by what happens next. Actors are
// called by their place in order, so that runs that differ only in their names
// can be found to be the same. What the pid file holds is left to who describes
// the world.
func (j *Judge) State(to []uint64, order []int) []uint64 {
	place := func(s set) (moved uint64) {
		for p, i := range order {
			if s.has(i) {
				moved |= 1 << p
			}
		}
		return moved
	}
	to = append(to, flags(j.verdict.Broken(), j.odd, j.left, j.lingering, j.served, j.disorder, j.crashed, j.robbed, j.faulted), uint64(j.order))
	for _, i := range order {
		l := &j.lives[i]
		to = append(to, uint64(l.phase), uint64(l.loot), uint64(len(l.locks)), place(l.met),
			flags(l.tried, l.standby, l.idle, l.waking, l.robbed, l.excused, l.faulted, l.fresh, l.reason, l.probed, l.barred, l.disturbed),
			place(l.users), flags(l.answered, l.unseen, l.drained, l.refused))
		if j.promise.Linear != nil && l.phase != gone {
			to = append(to, uint64(l.after))
		}
		if w := &j.windows[i]; w.open {
			to = append(to, place(w.always), uint64(len(w.could)), uint64(len(w.recorded)), uint64(w.after), flags(w.probe, w.busy, w.visited, w.command))
			for _, c := range w.could {
				to = append(to, place(one(c.who)), uint64(c.round))
			}
			for _, pid := range w.recorded {
				to = append(to, uint64(pid))
			}
		}
	}
	for _, r := range j.undecided {
		to = append(to, place(r.met), flags(r.probed, r.barred))
	}
	return to
}

func flags(flags ...bool) uint64 {
	n := uint64(1)
	for _, f := range flags {
		n <<= 1
		if f {
			n |= 1
		}
	}
	return n
}
