package trace

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// remember adds a step to its actor's history, with the file that a name
// stands for now: what the actor has open is known by that.
func (r *run) remember(a *actor, file string, seen uint64, e race.Event) {
	line := fmt.Sprintf("{%s} %s %s %s %x", e.Actor, e.Op, e.Detail, e.Result, seen)
	if entry, ok := r.scene.entry(file); ok {
		line += objectToken(entry.object)
	}
	a.history = append(a.history, line)
}

func objectToken(n int) string { return " <" + strconv.Itoa(n) + ">" }

// Fingerprint is equal at two points of schedules only if all that the program and
// the oracle can still see is equal but for the names of the actors: what each
// has done since it started and what came of it, the files and the locks.
func (r *run) Fingerprint() uint64 {
	state, _ := r.fingerprint(nil)
	return state
}

// fingerprint returns as well the order of the actors that it is made with. If
// an actor is about to crash, what goes with it is left out: equal ones then
// lead to equal states.
func (r *run) fingerprint(victim *actor) (state uint64, by order) {
	for i, order := range r.orders() {
		h := fnv.New64a()
		h.Write([]byte(renumber(order.rename.Replace(r.describe(order.actors, victim)))))
		if sum := h.Sum64(); i == 0 || sum < state {
			state, by = sum, order
		}
	}
	return state, by
}

// mark names a move of a lane, or its crash, as it is called in that order.
func (o order) mark(lane string, crash bool) string {
	return o.rename.Replace(fmt.Sprintf("{%s} %v", lane, crash))
}

func (o order) marks(asleep []sleeper) (marks []string) {
	for _, s := range asleep {
		marks = append(marks, o.mark(s.lane, s.crash))
	}
	return marks
}

// order is an order of the actors, and how they are then called.
type order struct {
	actors []int
	rename *strings.Replacer
}

// orders are all orders of actors that are alike, the one they have first.
func (r *run) orders() []order {
	if r.symmetries != nil {
		return r.symmetries
	}
	indexes := make([]int, len(r.actors))
	for i := range indexes {
		indexes[i] = i
	}
	var all [][]int
	permute(indexes, 0, func(p []int) { all = append(all, slices.Clone(p)) })
	for _, p := range all {
		if !r.alike(p) {
			continue
		}
		var names []string
		for i, j := range p {
			names = append(names, "{"+r.actors[j].name, "{"+r.actors[i].name)
		}
		r.symmetries = append(r.symmetries, order{p, strings.NewReplacer(names...)})
	}
	return r.symmetries
}

// permute calls f with every order of p[k:] behind p[:k].
func permute(p []int, k int, f func([]int)) {
	if k >= len(p)-1 {
		f(p)
		return
	}
	for i := k; i < len(p); i++ {
		p[k], p[i] = p[i], p[k]
		permute(p, k+1, f)
		p[k], p[i] = p[i], p[k]
	}
}

// numbered reports whether the command tells the actors apart.
func numbered(c race.Case) bool { return strings.Contains(strings.Join(c.Command, " "), "{n}") }

// alike reports whether the actors could change places.
func (r *run) alike(p []int) bool {
	for i, j := range p {
		if i != j && (!slices.Equal(r.actors[i].script, r.actors[j].script) || numbered(r.c) || r.tier.commands.differ(i, j)) {
			return false
		}
	}
	return true
}

// describe writes the state with the actors in the given order, but for what
// goes with the victim.
func (r *run) describe(order []int, victim *actor) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{%s}\n", r.last())
	for _, i := range order {
		a := r.actors[i]
		fmt.Fprintln(&b, a.phase, a.next, r.mayWait(a))
		if a == victim {
			fmt.Fprintln(&b, opCrash)
			continue
		}
		for _, line := range a.history {
			fmt.Fprintln(&b, line)
		}
		for _, p := range a.procs {
			fmt.Fprintf(&b, "{%s} %v %v %v\n", p.lane, p.orphan, p.bereft, p.blocked() != nil)
		}
	}
	r.describeCommands(&b)
	for _, e := range r.scene.all() {
		fmt.Fprintln(&b, r.maskName(e.name), e.kind, max(e.size, headSize), r.mask(e.content), objectToken(e.object))
	}
	var locks []string
	for _, l := range r.scene.locks {
		if victim != nil && actorOf(l.lane) == victim.name {
			continue
		}
		locks = append(locks, fmt.Sprintf("{%s} %v%s\n", l.lane, l.shared, objectToken(r.inodes[l.inode])))
	}
	slices.Sort(locks)
	b.WriteString(strings.Join(locks, ""))
	v := r.view(r.scene)
	sorted := v
	sorted.actors = nil
	for _, i := range order {
		sorted.actors = append(sorted.actors, v.actors[i])
	}
	r.oracle.write(&b, sorted)
	return b.String()
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
