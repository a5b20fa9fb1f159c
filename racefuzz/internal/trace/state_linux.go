package trace

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// remember adds a step to its actor's history, with all that it showed, and the
// files that its names stand for now: what the actor has open is known by that.
func (r *run) remember(a *actor, k *task, e race.Event) {
	line := fmt.Sprintf("{%s} %s %s %s", e.Actor, e.Op, e.Detail, e.Result)
	if k != nil {
		line += k.shown
		for _, place := range k.made.places {
			if entry, ok := r.scene.entry(place); ok {
				line += objectToken(entry.object)
			}
		}
	}
	if r.clock != nil {
		line += fmt.Sprint(" at ", r.clock.passed)
	}
	a.history = append(a.history, line)
}

// Fingerprint implements [explore.Fingerprinter]: all that the program and the
// judge can still see but for the names of the actors, what each has done since
// it started and what came of it, the files and the locks. The end of a victim is
// not known where other processes of it go on.
func (r *run) Fingerprint(cast *explore.Cast, victim string) (state uint64, whole bool) {
	h := fnv.New64a()
	h.Write([]byte(ranked(renumber(cast.Rename(r.describe(cast.Order, victim))))))
	a, _ := r.lane(victim)
	return h.Sum64(), a == nil || len(a.procs) == 1
}

// Role implements [explore.Player]. Whom a stop in the middle of a start meets
// depends on the actors' order.
func (r *run) Role(actor string) string {
	a, _ := r.lane(actor)
	if numbered(r.c) || slices.ContainsFunc(r.c.Actors, func(a race.Actor) bool { return slices.Contains(a.Script, opHalt) }) {
		return actor
	}
	return strings.Join(a.script, " ") + r.tier.commands.line(a.index)
}

// numbered reports whether the command tells the actors apart.
func numbered(c race.Case) bool { return strings.Contains(strings.Join(c.Command, " "), "{n}") }

// describe writes the state with the actors in the given order, but for what
// goes with the victim.
func (r *run) describe(order []int, victim string) string {
	var b strings.Builder
	for _, i := range order {
		a := r.actors[i]
		fmt.Fprintln(&b, a.phase, a.next, r.mayWait(a), a.slept, a.named, r.clock != nil && r.wokenSince(a))
		if a.name == victim {
			fmt.Fprintln(&b, opCrash)
			continue
		}
		for _, line := range slices.Concat(a.past, a.history) {
			fmt.Fprintln(&b, line)
		}
		for _, p := range a.procs {
			fmt.Fprintf(&b, "{%s} %v %v %v %v %v\n", p.lane, p.orphan, p.bereft, p.heir, p.parked, p.blocked() != nil)
			if d, ok := p.nextDue(); ok {
				fmt.Fprintln(&b, (d.until - r.clock.passed).Round(time.Millisecond), r.beatMatters(a))
			}
		}
	}
	if r.clock != nil {
		fmt.Fprintln(&b, r.clock.passed, r.naps)
		if r.naps > fewNaps {
			fmt.Fprintln(&b, len(r.events)-r.happened)
		}
	}
	r.describeCommands(&b)
	r.describeFiles(&b)
	var locks []string
	for _, l := range r.scene.locks {
		if race.ActorOf(l.lane) == victim {
			continue
		}
		locks = append(locks, fmt.Sprintf("{%s} %v %s%s\n", l.lane, l.shared, l.what, objectToken(r.inodes[l.inode])))
	}
	slices.Sort(locks)
	b.WriteString(strings.Join(locks, ""))
	v := r.view(r.pidFile())
	for _, i := range order {
		fmt.Fprintln(&b, v.actors[i].locks)
	}
	fmt.Fprintln(&b, v.helpers, r.teller.judge.State(nil, order))
	return b.String()
}

// describeFiles writes what has become of all names that were touched, and the
// files without one that somebody has open.
func (r *run) describeFiles(b *strings.Builder) {
	byName := func(a, b string) int {
		return cmp.Or(strings.Compare(r.maskName(a), r.maskName(b)), strings.Compare(a, b))
	}
	for _, name := range slices.SortedFunc(maps.Keys(r.scene.touched), byName) {
		if e, there := r.scene.entry(name); there {
			r.describeFile(b, r.maskName(name), e)
		} else {
			fmt.Fprintln(b, r.maskName(name), "-")
		}
	}
	for _, e := range slices.SortedFunc(maps.Values(r.scene.unnamed), func(a, b node) int { return a.object - b.object }) {
		r.describeFile(b, "", e)
	}
}

func (r *run) describeFile(b *strings.Builder, name string, e node) {
	if e.kind == race.Dir { // how large it is depends on the file system
		e.size, e.links = 0, 0
	}
	fmt.Fprintln(b, name, e.kind, r.sizeOf(e.size, e.whole), r.spelt(e.whole), e.mode, e.links, e.uid, e.gid, timeToken(e.set), objectToken(e.object))
}

// renumber counts the files anew as they appear in a description.
func renumber(text string) string {
	numbers := map[string]int{}
	var b strings.Builder
	for {
		head, rest, found := strings.Cut(text, " <")
		b.WriteString(head)
		if !found {
			return b.String()
		}
		name, tail, _ := strings.Cut(rest, ">")
		if _, known := numbers[name]; !known {
			numbers[name] = len(numbers) + 1
		}
		fmt.Fprintf(&b, " <%d>", numbers[name])
		text = tail
	}
}

// ranked replaces the times of steps by their order.
func ranked(text string) string {
	parts := strings.Split(text, timeMark)
	var times []int
	for i := 1; i < len(parts); i += 2 {
		n, _ := strconv.Atoi(parts[i])
		times = append(times, n)
	}
	slices.Sort(times)
	times = slices.Compact(times)
	for i := 1; i < len(parts); i += 2 {
		n, _ := strconv.Atoi(parts[i])
		rank, _ := slices.BinarySearch(times, n)
		parts[i] = strconv.Itoa(rank)
	}
	return strings.Join(parts, timeMark)
}
