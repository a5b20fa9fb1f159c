package content

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Told is what one serial order left, for [Explain].
type Told struct {
	Order []string // the commands that ran, the first one first
	State Normal
}

// Difference is one thing about a state that no serial order leaves.
type Difference struct {
	File     string // where it is
	Sentence string // in words, without a full stop
}

// Explain says what is wrong with a state in which the named commands ran: what
// tells it from every serial order of just those commands. Told has the orders
// of all subsets of the commands as far as they are known, the empty one
// included. The first difference is the one that matters most. There is at
// least one, unless an order leaves this very state.
func Explain(got Normal, ran []string, told []Told) []Difference {
	e := explanation{got: got, told: told}
	for _, t := range told {
		if sameCommands(t.Order, ran) {
			if t.State.Text() == got.Text() {
				return nil
			}
			e.orders = append(e.orders, t)
		}
	}
	if len(e.orders) == 0 {
		return []Difference{{"", "no serial order of " + strings.Join(ran, ", ") + " is known"}}
	}
	var all []Difference
	for _, find := range []func() []Difference{e.missing, e.broken, e.lost, e.changed, e.extra, e.permuted, e.mixed} {
		all = append(all, find()...)
	}
	return all
}

type explanation struct {
	got    Normal
	orders []Told // of just the commands that ran
	told   []Told
}

// after tells what holds after each of the orders: "after a; b it is there,
// after b; a it is there".
func (e explanation) after(what func(Normal) string) string {
	var parts []string
	for _, t := range e.orders {
		order := strings.Join(t.Order, "; ")
		if order == "" {
			parts = append(parts, "when none has run "+what(t.State))
			continue
		}
		parts = append(parts, "after "+order+" "+what(t.State))
	}
	return strings.Join(parts, ", ")
}

// always reports whether something holds after every order.
func (e explanation) always(holds func(Normal) bool) bool {
	return !slices.ContainsFunc(e.orders, func(t Told) bool { return !holds(t.State) })
}

// owner is the command without which nothing has it and with which everything
// does, with "'s " behind it, or "" where there is none.
func (e explanation) owner(has func(Normal) bool) string {
	for _, name := range commandsOf(e.told) {
		its := true
		for _, t := range e.told {
			its = its && has(t.State) == slices.Contains(t.Order, name)
		}
		if its {
			return name + "'s "
		}
	}
	return ""
}

func commandsOf(told []Told) (names []string) {
	for _, t := range told {
		names = append(names, t.Order...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (e explanation) files() []string {
	all := map[string]bool{}
	for _, t := range e.orders {
		for name := range t.State {
			all[name] = true
		}
	}
	for name := range e.got {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// missing finds the files that every order leaves; of a directory with all
// that was in it, only the directory.
func (e explanation) missing() (out []Difference) {
	for _, name := range e.files() {
		has := func(n Normal) bool { _, there := n[name]; return there }
		if has(e.got) || !e.always(has) || slices.ContainsFunc(out, func(d Difference) bool { return strings.HasPrefix(name, d.File+"/") }) {
			continue
		}
		out = append(out, Difference{name, fmt.Sprintf("%s%s is gone: %s", e.owner(has), name, e.after(there(has)))})
	}
	return out
}

func there(has func(Normal) bool) func(Normal) string {
	return func(n Normal) string {
		if has(n) {
			return "it is there"
		}
		return "it is not"
	}
}

// broken finds the files that are not of their format any more.
func (e explanation) broken() (out []Difference) {
	for _, name := range e.files() {
		value, bad := valueOf(e.got[name], brokenPath)
		has := func(n Normal) bool { _, bad := valueOf(n[name], brokenPath); return bad }
		if bad && e.always(func(n Normal) bool { return !has(n) }) {
			out = append(out, Difference{name, fmt.Sprintf("%s is %s: %s", name, value, e.after(func(Normal) string { return "it can be read" }))})
		}
	}
	return out
}

func valueOf(items []Item, path string) (string, bool) {
	i := slices.IndexFunc(items, func(item Item) bool { return item.Path == path })
	if i < 0 {
		return "", false
	}
	return items[i].Value, true
}

func count(items []Item, item Item) (n int) {
	for _, other := range items {
		if other == item {
			n++
		}
	}
	return n
}

// lost finds what stands in a file after every order and is not there. Keys
// below one key that were all lost are told as one.
func (e explanation) lost() (out []Difference) {
	for _, name := range e.files() {
		if _, bad := valueOf(e.got[name], brokenPath); bad || e.got[name] == nil || e.isWord(name) {
			continue
		}
		type loss struct{ owner, key string }
		gone := map[loss][]Item{}
		for _, item := range distinct(e.orders[0].State[name]) {
			if !item.listed() {
				if _, there := valueOf(e.got[name], item.Path); there {
					continue
				}
			}
			n := count(e.got[name], item)
			has := func(s Normal) bool { return count(s[name], item) > n }
			if !e.always(has) {
				continue
			}
			l := loss{owner: e.owner(func(s Normal) bool { return count(s[name], item) > 0 })}
			if item.listed() {
				l.key = item.Path + "\x00" + item.Value
			}
			gone[l] = append(gone[l], item)
		}
		keys := slices.SortedFunc(maps.Keys(gone), func(a, b loss) int {
			return cmp.Or(-cmp.Compare(a.owner, b.owner), cmp.Compare(a.key, b.key)) // those that are somebody's first
		})
		for _, l := range keys {
			items := gone[l]
			n := count(e.got[name], items[0])
			has := func(s Normal) bool { return count(s[name], items[0]) > n }
			out = append(out, Difference{name, fmt.Sprintf("%s%s: %s", l.owner, isGone(name, items), e.after(there(has)))})
		}
	}
	return out
}

// isWord reports whether the file always holds one line, here and after every
// order: then it is the value of the file that matters.
func (e explanation) isWord(name string) bool {
	one := func(n Normal) bool { return len(byPath(n[name])[""]) == 1 }
	return one(e.got) && e.always(one)
}

func distinct(items []Item) (out []Item) {
	for _, item := range items {
		if !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}

// isGone says of items that they are lost.
func isGone(file string, items []Item) string {
	if path, list := strings.CutSuffix(items[0].Path, "[]"); list {
		return fmt.Sprintf("%s is gone from %s", items[0].Value, describe(file, path))
	}
	if items[0].Path == "" {
		return items[0].Value + " is gone"
	}
	if len(items) == 1 {
		return items[0].Path + " is gone from " + file
	}
	prefix := strings.Split(items[0].Path, ".")
	for _, item := range items[1:] {
		words := strings.Split(item.Path, ".")
		n := 0
		for n < min(len(words), len(prefix)) && words[n] == prefix[n] {
			n++
		}
		prefix = prefix[:n]
	}
	if len(prefix) == 0 {
		return fmt.Sprintf("%s is gone from %s, with %d more", items[0].Path, file, len(items)-1)
	}
	return strings.Join(prefix, ".") + " is gone from " + file
}

// changed finds keys that have a value which no order gives them.
func (e explanation) changed() (out []Difference) {
	for _, name := range e.files() {
		word := e.isWord(name)
		for _, item := range e.got[name] {
			if item.listed() && !word || item.Path == brokenPath || !e.always(func(n Normal) bool {
				value, there := valueOf(n[name], item.Path)
				return there && value != item.Value
			}) {
				continue
			}
			what := describe(name, strings.Trim(item.Path, "()"))
			out = append(out, Difference{name, fmt.Sprintf("%s is %s: %s", what, item.Value, e.after(func(n Normal) string {
				value, _ := valueOf(n[name], item.Path)
				return "it is " + value
			}))})
		}
	}
	return out
}

// extra finds what no order leaves: files, keys and lines.
func (e explanation) extra() (out []Difference) {
	for _, name := range e.files() {
		if e.got[name] == nil || e.isWord(name) {
			continue
		}
		none := func(holds func(Normal) bool) bool { return e.always(func(n Normal) bool { return !holds(n) }) }
		if none(func(n Normal) bool { return n[name] != nil }) {
			out = append(out, Difference{name, fmt.Sprintf("%s is there: %s", name, e.after(func(Normal) string { return "it is not" }))})
			continue
		}
		for _, item := range distinct(e.got[name]) {
			n := count(e.got[name], item)
			keyed := !item.listed() && !none(func(s Normal) bool { _, there := valueOf(s[name], item.Path); return there })
			if item.Path == brokenPath || keyed || !none(func(s Normal) bool { return count(s[name], item) >= n }) {
				continue
			}
			out = append(out, Difference{name, fmt.Sprintf("%s is in %s%s: %s", cmp.Or(ofItem(item), `""`), name, times(n), e.after(func(s Normal) string {
				return strings.TrimSuffix("it is not"+times(count(s[name], item)), times(0))
			}))})
		}
	}
	return out
}

func ofItem(item Item) string {
	if item.listed() {
		return item.Value
	}
	return item.Path
}

func times(n int) string {
	switch n {
	case 0, 1:
		return ""
	case 2:
		return " twice"
	}
	return fmt.Sprintf(" %d times", n)
}

// permuted finds lists with what every order leaves in an order that none does.
func (e explanation) permuted() (out []Difference) {
	for _, name := range e.files() {
		for path, values := range byPath(e.got[name]) {
			if (Item{Path: path}).listed() && e.always(func(n Normal) bool {
				others := byPath(n[name])[path]
				return !slices.Equal(others, values) && sorted(others) == sorted(values)
			}) {
				what := describe(name, strings.TrimSuffix(path, "[]"))
				out = append(out, Difference{name, fmt.Sprintf("%s has its parts in an order that is none of %s", what, e.list())})
			}
		}
	}
	return out
}

func (e explanation) list() string {
	var orders []string
	for _, t := range e.orders {
		orders = append(orders, strings.Join(t.Order, "; "))
	}
	return strings.Join(orders, " and ")
}

// mixed names, where everything is as after some order, one thing for each
// order that it rules out.
func (e explanation) mixed() (out []Difference) {
	if len(e.missing())+len(e.broken())+len(e.lost())+len(e.changed())+len(e.extra())+len(e.permuted()) > 0 {
		return nil
	}
	var parts []string
	first := ""
	for _, t := range e.orders {
		name, what := firstOf(e.got, t.State)
		first = cmp.Or(first, name)
		parts = append(parts, fmt.Sprintf("not as after %s: %s", strings.Join(t.Order, "; "), what))
	}
	return []Difference{{first, "the files do not agree: " + strings.Join(parts, ", ")}}
}

// firstOf finds the first thing in which two states differ.
func firstOf(got, other Normal) (file, what string) {
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if other[name] == nil {
			return name, name + " is there"
		}
		for _, item := range got[name] {
			if count(got[name], item) != count(other[name], item) {
				return name, describe(name, item.Path) + " is " + item.Value
			}
		}
		for _, item := range other[name] {
			if count(got[name], item) != count(other[name], item) {
				return name, fmt.Sprintf("%s is not in %s", ofItem(item), name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(other)) {
		if got[name] == nil {
			return name, name + " is not there"
		}
	}
	return "", "the order of a list"
}
