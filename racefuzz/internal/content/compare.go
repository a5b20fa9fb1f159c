package content

import (
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Normal is what counts of a state: the items of each file by its name, without
// noise. Lists that serial orders only permute are sorted.
type Normal map[string][]Item

// The paths of what is not in a file but about it.
const (
	modePath   = "(mode)"
	linkPath   = "(target)"
	brokenPath = "(format)"
)

// Normal applies the rules to a state.
func (r *Rules) Normal(s State) Normal {
	n := r.raw(s)
	for name, items := range n {
		for i, item := range items {
			at := Item{name, item.Path}
			switch {
			case r.masked[at]:
				items[i].Value = "*"
			case len(r.tokens[at]) > 0 && !r.stable[inList(at, item.Value)]:
				items[i].Value = replaced(r.tokens[at], item.Value)
			}
		}
		slices.SortStableFunc(items, func(a, b Item) int {
			if a.Path == b.Path && r.sets[Item{name, a.Path}] {
				return strings.Compare(a.Value, b.Value)
			}
			return strings.Compare(a.Path, b.Path)
		})
	}
	return n
}

// raw is the state with its files parsed, noise and all.
func (r *Rules) raw(s State) Normal {
	n := Normal{}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !r.counts(name) {
			continue
		}
		normal := r.name(name)
		n[normal] = append(n[normal], r.items(normal, s[name])...)
	}
	return n
}

func (r *Rules) items(name string, f File) []Item {
	items := []Item{{modePath, (f.Type | f.Perm).String()}}
	switch {
	case f.Type == fs.ModeSymlink:
		return append(items, Item{linkPath, string(f.Data)})
	case f.Type != 0:
		return items
	}
	format, known := r.formats[name]
	if !known {
		format = formatOf(name, f)
	}
	found, err := parse(format, f)
	if err != nil {
		return append(items, Item{brokenPath, "no " + string(format) + " any more: " + err.Error()})
	}
	if format == Database {
		slices.SortStableFunc(found, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	}
	return append(items, found...)
}

// Text is the same for two normal states only if they are equal.
func (n Normal) Text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(n)) {
		b.WriteString(strconv.Quote(name) + "\n")
		for _, item := range n[name] {
			b.WriteString("\t" + strconv.Quote(item.Path) + " " + strconv.Quote(item.Value) + "\n")
		}
	}
	return b.String()
}

// Equal reports whether two states are the same but for noise.
func (r *Rules) Equal(a, b State) bool { return r.Normal(a).Text() == r.Normal(b).Text() }

// Beyond returns the files that the state has and none of the others, by their
// normal names, and the state without them.
func (n Normal) Beyond(others []Normal) (extra []string, rest Normal) {
	rest = maps.Clone(n)
	for _, name := range slices.Sorted(maps.Keys(n)) {
		if !slices.ContainsFunc(others, func(o Normal) bool { _, there := o[name]; return there }) {
			extra = append(extra, name)
			delete(rest, name)
		}
	}
	return extra, rest
}
