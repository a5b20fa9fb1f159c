package explore

import (
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Once all that can follow upon a state is explored, or put down to be, with
// what was left of the bounds then, nothing is explored from there again with as
// much or less:
//
//	a: x   b: y   a: …          1 preemption more to take: explored
//	b: y   a: x   b: …          the same state, none left: known
//
// Moves that slept then were not explored from there, and are now unless they
// sleep again. This holds as long as equal fingerprints mean the same future and
// the same future verdicts; whose turn it is belongs to the state as well, for it
// decides what takes a preemption.

// known are the states that schedules have come to.
type known struct {
	awake  map[uint64]uint64    // those in which nothing slept: a bit for what each schedule had spent
	drowsy map[uint64][]entered // the others
}

// entered is how a state was entered: having spent what, and with which moves
// asleep.
type entered struct {
	spent  spending
	asleep []string
}

// covers reports whether all that is explored where e entered is explored
// where f does.
func (f entered) covers(e entered) bool {
	return f.spent.bounds().within(e.spent.bounds()) && len(missing(f.asleep, e.asleep)) == 0
}

// missing are those of a that are not among b.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// enter notes that a schedule comes to a state, and returns which of the moves
// there are still to be explored: all, or those with the marks.
func (k *known) enter(b Bounds, state uint64, e entered, note bool) (marks []string, all bool) {
	if k.awake[state]&b.upTo(e.spent.bounds()) != 0 {
		return nil, false
	}
	all = true
	asleep := e.asleep
	for _, before := range k.drowsy[state] {
		if !before.spent.bounds().within(e.spent.bounds()) {
			continue
		}
		if all {
			marks, all = before.asleep, false
		} else {
			marks = slices.DeleteFunc(slices.Clone(marks), func(s string) bool { return !slices.Contains(before.asleep, s) })
		}
		asleep = slices.DeleteFunc(slices.Clone(asleep), func(s string) bool { return !slices.Contains(before.asleep, s) })
	}
	switch {
	case !note:
	case len(asleep) == 0:
		k.awake[state] |= 1 << b.index(e.spent.bounds())
	default:
		k.drowsy[state] = append(k.drowsy[state], entered{e.spent, asleep})
	}
	return marks, all
}

// index numbers the spendings within b.
func (b Bounds) index(s Bounds) int {
	return (s.Preemptions*(b.Crashes+1)+s.Crashes)*(b.Faults+1) + s.Faults
}

// upTo is the set of the spendings that are nowhere above s.
func (b Bounds) upTo(s Bounds) (set uint64) {
	for p := range s.Preemptions + 1 {
		for c := range s.Crashes + 1 {
			for f := range s.Faults + 1 {
				set |= 1 << b.index(Bounds{p, c, f})
			}
		}
	}
	return set
}

// fingerprint is what the course has come to, whose turn it is included, and
// the cast in which the actors were looked at.
func (x *search) fingerprint(c *course, p Fingerprinter, victim, alone string) (state uint64, by *Cast, whole bool) {
	for _, cast := range x.casts {
		h, ok := p.Fingerprint(cast, victim)
		if !ok {
			return 0, cast, false
		}
		if !x.free {
			h = text(h, x.called(cast, c.here.turn))
		}
		if c.describer != nil {
			h = text(x.mix(h, cast, c), x.called(cast, alone))
		}
		if by == nil || h < state {
			state, by = h, cast
		}
	}
	return state, by, true
}

// mix adds what bears on which of the moves may be made.
func (x *search) mix(h uint64, cast *Cast, c *course) uint64 {
	if c.here.begun {
		h = text(h, "begun")
	}
	for i, m := range c.here.moves {
		if c.natures[i] != TriesAgain || m.Fault != race.NoFault || c.hasty {
			continue
		}
		lane := text(0, x.called(cast, m.Actor))
		for _, other := range x.c.Actors {
			if c.acted[other.Name] > c.moved[m.Actor] {
				h += text(lane, x.called(cast, other.Name))
			}
		}
	}
	return h
}

func (x *search) called(cast *Cast, lane string) string {
	if len(x.casts) == 1 {
		return lane
	}
	return cast.Rename("{" + lane + "}")
}

func text(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}
