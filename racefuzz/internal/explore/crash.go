package explore

import "slices"

// What only the victim knew goes with it. So crashes of one actor at two points
// can lead to one state, and are then one:
//
//	a: look   a: crash          put down to be explored
//	a: look   a: look   a: crash          leads to the same, and is left out
//
// This holds as long as nothing of the victim is left that could go on, and the
// first is explored with as much of the bounds left and no more moves asleep.

// crash is what a crash leads to, as far as that is known before.
type crash struct {
	foot  Footprint
	state uint64
	cast  *Cast
	whole bool
}

// crashed are the states that crashes lead to which are put down to be explored.
type crashed map[uint64][]entered

// leadsToNews notes a crash, and reports whether none that was noted covers it.
func (k crashed) leadsToNews(c crash, e entered) bool {
	if !c.whole {
		return true
	}
	if slices.ContainsFunc(k[c.state], func(before entered) bool { return before.covers(e) }) {
		return false
	}
	k[c.state] = append(k[c.state], e)
	return true
}
