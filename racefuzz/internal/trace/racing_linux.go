package trace

import (
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// Racing picks out of a witness what people need to see of it, for commands make
// hundreds of calls: the steps that have to do with the file in which it shows,
// or with files that are renamed to it, all locks, and the beginnings and ends.
// Where it shows in no file, all that is shared counts. The pair are two calls
// of one command between which another one changed the file, as indices into
// the events; {0, 0} where there are none.
func (c *Commands) Racing(events []race.Event, file string) (kept []int, pair [2]int) {
	names := c.related(events, file)
	for i, e := range events {
		about := slices.ContainsFunc(names, func(name string) bool { return isAbout(e, name) })
		if e.Op == opRun || e.Op == opRead || i == len(events)-1 || does(e, syscalls.Locks) || about && !does(e, syscalls.SeesNode|syscalls.SeesMode) {
			kept = append(kept, i)
		}
	}
	pair = between(events, names)
	return slices.DeleteFunc(kept, func(i int) bool { return i != pair[0] && looksAgain(events, kept, i) }), pair
}

// looksAgain reports whether a step only looks, and the next one that is kept of
// the same command looks in the same way and sees the same.
func looksAgain(events []race.Event, kept []int, i int) bool {
	if changed(events[i]) || !does(events[i], syscalls.Opens) {
		return false
	}
	for _, j := range kept {
		if e := events[j]; j > i && race.ActorOf(e.Actor) == race.ActorOf(events[i].Actor) {
			return e.Op == events[i].Op && e.Detail == events[i].Detail && e.Result == events[i].Result
		}
	}
	return false
}

// related are the names that bear on the file.
func (c *Commands) related(events []race.Event, file string) []string {
	if file == "" {
		return slices.DeleteFunc(c.Shared(), func(name string) bool { return c.Known != nil && c.Known.Rules.Noisy(name) })
	}
	names := []string{file}
	for _, e := range slices.Backward(events) {
		from, to, moves := strings.Cut(e.Detail, " → ")
		if moves && slices.Contains(names, first(to)) {
			names = append(names, from)
		}
	}
	return names
}

func first(text string) string {
	text, _, _ = strings.Cut(text, noteMark)
	return text
}

// isAbout reports whether a step is about a file: its detail begins with the
// name, or leads to it.
func isAbout(e race.Event, name string) bool {
	words := first(e.Detail)
	return words == name || strings.HasPrefix(words, name+" ") || strings.HasSuffix(words, " → "+name)
}

func does(e race.Event, use syscalls.Use) bool {
	row, known := syscalls.Named(e.Op)
	return known && row.Does(use)
}

// changed reports whether the step has changed a file's name or content.
func changed(e race.Event) bool {
	if e.Result != "ok" && e.Result != "short" {
		return false
	}
	return does(e, syscalls.Writes|syscalls.Makes|syscalls.Puts|syscalls.Takes) || does(e, syscalls.Opens) && strings.Contains(e.Detail, "O_TRUNC")
}

// between finds the last change by a command before which another one changed
// the same file, after the command had looked at it.
func between(events []race.Event, names []string) [2]int {
	about := func(e race.Event) bool {
		return slices.ContainsFunc(names, func(name string) bool { return isAbout(e, name) })
	}
	for last := len(events) - 1; last > 0; last-- {
		if !about(events[last]) || !changed(events[last]) {
			continue
		}
		intruded := false
		for i := last - 1; i >= 0; i-- {
			own := race.ActorOf(events[i].Actor) == race.ActorOf(events[last].Actor)
			if !about(events[i]) || !own && !changed(events[i]) {
				continue
			}
			if own && intruded {
				return [2]int{i, last}
			}
			if own && changed(events[i]) { // what it does in one go begins earlier
				break
			}
			intruded = intruded || !own
		}
	}
	return [2]int{}
}
