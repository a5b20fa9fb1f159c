package judge

import (
	"slices"
	"strings"
)

// refusal is a start that was refused, while it is still open whether one of
// those it met had reason to.
type refusal struct {
	name   string
	met    set
	probed bool
	barred bool
	said   string
}

// refuse takes note of the end of a start that never was the server. One of
// which a call was made to fail may end, and who met it may have been refused by
// it until then.
func (j *Judge) refuse(i int) {
	l := &j.lives[i]
	if l.faulted {
		j.grounds(i)
		return
	}
	if !l.reason {
		j.undecided = append(j.undecided, refusal{l.name, l.met, l.probed, l.barred, j.fact.Said})
	}
	for k := range j.lives {
		j.lives[k].met = j.lives[k].met.without(i)
	}
	j.refused = j.refused[:0]
	j.undecided = slices.DeleteFunc(j.undecided, func(r refusal) bool {
		if r.met = r.met.without(i); r.met == 0 {
			j.refused = append(j.refused, r)
		}
		return r.met == 0
	})
}

// grounds notes that who met an actor in its start had reason to be refused.
func (j *Judge) grounds(i int) {
	for k := range j.lives {
		if l := &j.lives[k]; l.met.has(i) {
			l.met, l.reason = l.met.without(i), true
		}
	}
	j.undecided = slices.DeleteFunc(j.undecided, func(r refusal) bool { return r.met.has(i) })
}

// waitForEver says which starts of a program are left when nothing will happen
// any more, and nobody runs for whose end they could wait: "a and b wait", or "".
func (j *Judge) waitForEver() string {
	var who []string
	for i := range j.lives {
		switch l := &j.lives[i]; l.phase {
		case starting:
			who = append(who, l.name)
		case gone:
		default:
			return ""
		}
	}
	switch {
	case j.fact.Kind != Exhausted || !j.promise.Program || j.lingering || j.faulted || len(who) == 0:
		return ""
	case len(who) == 1:
		return who[0] + " waits"
	}
	return strings.Join(who, " and ") + " wait"
}
