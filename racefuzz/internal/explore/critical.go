package explore

import (
	"context"
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// bringTogether finds the two steps on whose order it depends whether w breaks its
// invariant. Where they are apart, one is moved until they are adjacent: the
// witness that is returned may have more preemptions than w, though as few as
// possible. Once ctx is done it makes do with what it has.
func bringTogether(ctx context.Context, tier race.Tier, w Witness) (best Witness, pair [2]int) {
	best = w
	consider := func(v Witness, p [2]int, ok bool) {
		if ok && (pair == [2]int{} || simplerThan(v, best)) {
			best, pair = v, p
		}
	}
	for steps := 1; steps <= 2 && pair == [2]int{}; steps++ {
		for k := len(w.Events) - 1; k >= steps && ctx.Err() == nil; k-- {
			if w.Events[k].Actor != w.Events[k-1].Actor && w.Events[k-steps].Actor == w.Events[k-1].Actor {
				consider(putOff(tier, w, k-steps, k))
				consider(pullUp(tier, w, k, min(k+steps, len(w.Events))))
			}
		}
	}
	return best, pair
}

// Critical returns the critical pair of a witness as it is: two adjacent steps
// of different actors such that the case passes when the later one, or what
// its actor does next with it, comes before the other, or the earlier one with
// what came before it behind. It is {0, 0} where no two steps decide.
func Critical(tier race.Tier, w Witness) [2]int {
	s := race.ScheduleOf(w.Events)
	passes := func(s race.Schedule) bool {
		v, err := Follow(tier, w.Case, s)
		return err == nil && !v.Verdict.Broken()
	}
	for steps := 1; steps <= 2; steps++ {
		for k := len(s) - 1; k >= steps; k-- {
			if s[k].Actor != s[k-1].Actor && s[k-steps].Actor == s[k-1].Actor &&
				(passes(moved(s, k-steps, k, k+1)) || passes(moved(s, k, min(k+steps, len(s)), k-1))) {
				return [2]int{k - 1, k}
			}
		}
	}
	return [2]int{}
}

func simplerThan(v, w Witness) bool {
	a, b := race.Preemptions(v.Events), race.Preemptions(w.Events)
	return a < b || a == b && len(v.Events) < len(w.Events)
}

// pullUp moves the steps from k to before end, which are one actor's, in front
// of more and more of the steps before them, until the case passes.
func pullUp(tier race.Tier, w Witness, k, end int) (Witness, [2]int, bool) {
	s := race.ScheduleOf(w.Events)
	last := w
	for i := k - 1; i >= 0 && s[i].Actor != s[k].Actor; i-- {
		v, err := Follow(tier, w.Case, moved(s, k, end, i))
		switch {
		case err != nil, v.Verdict.Broken() && v.Verdict.Invariant != w.Verdict.Invariant:
			return w, [2]int{}, false
		case v.Verdict.Broken():
			last = v
			continue
		}
		return last, [2]int{i, i + 1}, adjacent(last.Events, s[i], s[k], i+1)
	}
	return w, [2]int{}, false
}

// putOff moves the steps from i to before k, which are one actor's, behind
// more and more of the steps that follow, until the case passes.
func putOff(tier race.Tier, w Witness, i, k int) (Witness, [2]int, bool) {
	s := race.ScheduleOf(w.Events)
	last := w
	for j := k; j < len(s) && s[j].Actor != s[i].Actor; j++ {
		v, err := Follow(tier, w.Case, moved(s, i, k, j+1))
		switch {
		case err != nil, v.Verdict.Broken() && v.Verdict.Invariant != w.Verdict.Invariant:
			return w, [2]int{}, false
		case v.Verdict.Broken():
			last = v
			continue
		}
		if earlier, ok := bringForward(tier, w, k, j); ok && race.Preemptions(earlier.Events) < race.Preemptions(last.Events) {
			last = earlier
		}
		return last, [2]int{j - 1, j}, adjacent(last.Events, s[k-1], s[j], j)
	}
	return w, [2]int{}, false
}

// bringForward moves the steps from k to before j in front of all that the
// actor before them does in one go. It reports whether the case still fails,
// and passes once step j comes one earlier.
func bringForward(tier race.Tier, w Witness, k, j int) (Witness, bool) {
	s := race.ScheduleOf(w.Events)
	first := k - 1
	for first > 0 && s[first-1].Actor == s[k-1].Actor {
		first--
	}
	s = moved(s, k, j, first)
	v, err := Follow(tier, w.Case, s)
	if err != nil || v.Verdict.Invariant != w.Verdict.Invariant {
		return w, false
	}
	s[j-1], s[j] = s[j], s[j-1]
	swapped, err := Follow(tier, w.Case, s)
	return v, err == nil && !swapped.Verdict.Broken()
}

// moved returns s with the steps from i to before k in front of what was step
// at.
func moved(s race.Schedule, i, k, at int) race.Schedule {
	part := slices.Clone(s[i:k])
	rest := slices.Delete(slices.Clone(s), i, k)
	if at > i {
		at -= len(part)
	}
	return slices.Insert(rest, at, part...)
}

// adjacent reports whether the events at j-1 and j are those two steps.
func adjacent(events []race.Event, a, b race.Step, j int) bool {
	return j < len(events) &&
		events[j-1].Actor == a.Actor && events[j-1].Op == a.Op &&
		events[j].Actor == b.Actor && events[j].Op == b.Op
}
