package trace

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
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

// Fingerprint implements [explore.Fingerprinter]: all that the program and the
// oracle can still see but for the names of the actors, what each has done since
// it started and what came of it, the files and the locks. The end of a victim is
// not known where other processes of it go on.
func (r *run) Fingerprint(cast *explore.Cast, victim string) (state uint64, whole bool) {
	h := fnv.New64a()
	h.Write([]byte(renumber(cast.Rename(r.describe(cast.Order, victim)))))
	a, _ := r.lane(victim)
	return h.Sum64(), a == nil || len(a.procs) == 1
}

// Role implements [explore.Player].
func (r *run) Role(actor string) string {
	a, _ := r.lane(actor)
	if numbered(r.c) {
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
		fmt.Fprintln(&b, a.phase, a.next, r.mayWait(a))
		if a.name == victim {
			fmt.Fprintln(&b, opCrash)
			continue
		}
		for _, line := range a.history {
			fmt.Fprintln(&b, line)
		}
		for _, p := range a.procs {
			fmt.Fprintf(&b, "{%s} %v %v %v %v\n", p.lane, p.orphan, p.bereft, p.parked, p.blocked() != nil)
		}
	}
	r.describeCommands(&b)
	for _, e := range r.scene.all() {
		fmt.Fprintln(&b, r.maskName(e.name), e.kind, max(e.size, headSize), r.mask(e.content), objectToken(e.object))
	}
	var locks []string
	for _, l := range r.scene.locks {
		if race.ActorOf(l.lane) == victim {
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
