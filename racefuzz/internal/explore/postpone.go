package explore

import (
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Where a is about to make step x, others may come in before it, for a preemption:
//
//	b: y   b: z   a: x          put off
//	a: x   b: y   b: z          explored, with the preemption after x
//
// If x has nothing to do with any step that others make, both lead to the same. Whether
// that is so is known only when all their steps have been seen. So the first is
// put off until a step of another is seen that has something to do with x, in
// whatever schedule, and then explored. It never is if there is none.
//
// A crash of a before x is another state where x changes something: what others do
// after such a crash could come after b's steps as well. So while a crash may
// still come, only what comes before steps that look is put off.

// concerns keeps what the steps of each role had to do with in all schedules so
// far.
type concerns struct {
	roles map[string]string    // of actors
	cast  map[string]int       // actors by their role
	seen  map[string]Footprint // by the role of a lane
	later []postponed
}

// postponed are branches before a step.
type postponed struct {
	lane     string
	foot     Footprint
	branches []*branch
}

func newConcerns(c race.Case, role func(actor string) string) concerns {
	x := concerns{roles: map[string]string{}, cast: map[string]int{}, seen: map[string]Footprint{}}
	for _, a := range c.Actors {
		x.roles[a.Name] = role(a.Name)
		x.cast[role(a.Name)]++
	}
	return x
}

// role is what a lane and those like it of other actors are called.
func (c *concerns) role(lane string) string {
	actor := race.ActorOf(lane)
	return c.roles[actor] + strings.TrimPrefix(lane, actor)
}

// add notes a step of lane, and returns the branches that are not to be put off
// any longer.
func (c *concerns) add(lane string, f Footprint) (due []*branch) {
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

func union(a, b []Object) []Object {
	for _, o := range b {
		if !slices.Contains(a, o) {
			a = append(a, o)
		}
	}
	return a
}

// private reports whether a step of lane has nothing to do with any of another
// lane that was seen. An actor's own lane does not count, unless others are like it.
func (c *concerns) private(lane string, f Footprint) bool {
	role, alone := c.role(lane), c.cast[c.roles[race.ActorOf(lane)]] == 1
	for other, all := range c.seen {
		if !(other == role && alone) && !all.Commutes(f) {
			return false
		}
	}
	return true
}

// postpone puts off those of the branches before a step of lane that need not be
// explored as far as is known, and returns the others.
func (c *concerns) postpone(lane string, f Footprint, branches []*branch) []*branch {
	if !c.private(lane, f) {
		return branches
	}
	p := postponed{lane: lane, foot: f}
	branches = slices.DeleteFunc(branches, func(b *branch) bool {
		put := !sameActor(b.last.move.Actor, lane) && b.last.move.Fault != race.Crash
		if put {
			p.branches = append(p.branches, b)
		}
		return put
	})
	if len(p.branches) > 0 {
		c.later = append(c.later, p)
	}
	return branches
}
