package trace

import (
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// What others do before a step that has nothing to do with any of theirs they
// can as well do after it, for no more preemptions. Whether it has is known only
// when all have been seen: until one is seen that does, such schedules are put
// off. A crash before a step that changes something is another state: while one
// may still come, only those before steps that look are put off.

// concerns keeps what the steps of each lane had to do with in all schedules so
// far. Actors that are alike, which change places in a state that is known, have
// one role and count as one.
type concerns struct {
	roles map[string]string            // of actors
	cast  map[string]int               // actors by their role
	seen  map[string]explore.Footprint // by the role of a lane
	later []postponed
}

// postponed are branches before a step.
type postponed struct {
	lane     string
	foot     explore.Footprint
	branches []branch
}

func newConcerns(c race.Case) concerns {
	x := concerns{roles: map[string]string{}, cast: map[string]int{}, seen: map[string]explore.Footprint{}}
	for _, a := range c.Actors {
		role := strings.Join(a.Script, " ")
		if numbered(c) {
			role = a.Name
		}
		x.roles[a.Name] = role
		x.cast[role]++
	}
	return x
}

// role is what a lane and those like it of other actors are called.
func (c *concerns) role(lane string) string {
	return c.roles[actorOf(lane)] + strings.TrimPrefix(lane, actorOf(lane))
}

// add notes a step of lane, and returns the branches that are not to be put off
// any longer.
func (c *concerns) add(lane string, f explore.Footprint) (due []branch) {
	role := c.role(lane)
	all := c.seen[role]
	before := len(all.Reads) + len(all.Writes)
	news := f.Unknown && !all.Unknown || f.Visible && !all.Visible
	all.Unknown, all.Visible = all.Unknown || f.Unknown, all.Visible || f.Visible
	all.Reads, all.Writes = union(all.Reads, f.Reads), union(all.Writes, f.Writes)
	c.seen[role] = all
	if !news && len(all.Reads)+len(all.Writes) == before {
		return nil
	}
	c.later = slices.DeleteFunc(c.later, func(p postponed) bool {
		if c.private(p.lane, p.foot) {
			return false
		}
		due = append(due, p.branches...)
		return true
	})
	return due
}

func union(a, b []explore.Object) []explore.Object {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// private reports whether a step of lane has nothing to do with any of another
// lane.
func (c *concerns) private(lane string, f explore.Footprint) bool {
	role, alone := c.role(lane), c.cast[c.roles[actorOf(lane)]] == 1
	for other, all := range c.seen {
		if !(other == role && alone) && !all.Commutes(f) {
			return false
		}
	}
	return true
}

// postpone puts off those of the choices before the last step, of lane, that
// need not be made as far as is known, and returns the others.
func (x *explorer) postpone(r *run, lane string, used Bounds, choices []branch) []branch {
	f := r.foot.Lasting()
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(f.Writes) > 0 && used.Crashes < x.bounds.Crashes || !x.concerns.private(lane, f) {
		return choices
	}
	p := postponed{lane: lane, foot: f}
	choices = slices.DeleteFunc(choices, func(b branch) bool {
		put := actorOf(b.last().Actor) != actorOf(lane) && b.last().Fault != race.Crash
		if put {
			p.branches = append(p.branches, b)
		}
		return put
	})
	if len(p.branches) > 0 {
		x.concerns.later = append(x.concerns.later, p)
	}
	return choices
}

// note keeps what a step had to do with.
func (x *explorer) note(r *run, lane string) {
	f := r.foot.Lasting()
	x.mu.Lock()
	due := x.concerns.add(lane, f)
	x.mu.Unlock()
	x.push(due)
}
