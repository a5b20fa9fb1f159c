package content

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Serial is one order in which commands ran to their ends, done twice from the
// same start.
type Serial struct {
	Order        []string // the commands that ran, by name, the first one first
	First, Again State
}

// String returns the order as it is told: "a; b".
func (s Serial) String() string { return strings.Join(s.Order, "; ") }

// Rules say what counts when states are compared: which format each file has,
// what in it is noise, and of which lists the order is nobody's concern.
type Rules struct {
	ignored []string
	left    map[string]bool           // files that are left out, because nobody else reads them and they do not repeat themselves
	names   []*regexp.Regexp          // files of which the names differ from run to run
	formats map[string]Format         // by normal name
	masked  map[Item]bool             // keys with values that differ, as file and path
	tokens  map[Item][]*regexp.Regexp // parts of listed items that differ, by file and path
	sets    map[Item]bool             // lists that serial orders only permute, by file and path
	stable  map[Item]bool             // names and listed items that both runs of an order had; no pattern is for them
}

// UnrepeatableError says that the same order, run twice, did not leave the same.
type UnrepeatableError struct {
	Order string // such as "a; b"
	File  string
	Key   string // what in the file differs; "" for the file as a whole
}

func (e *UnrepeatableError) Error() string {
	what := e.File
	if e.Key != "" {
		what += ": " + e.Key
	}
	return fmt.Sprintf("%s, run twice, did not leave the same in %s", e.Order, what)
}

// Learn derives the rules from serial orders that were each run twice. What
// differs between the two runs of one order is noise where it is a value, a
// token of a text, or a part of a file's name. Everything else that differs is
// an [UnrepeatableError], unless the file is private: nobody but one command
// ever looks at it. Files that match one of the ignored globs count for nothing.
func Learn(serials []Serial, private func(name string) bool, ignored []string) (*Rules, error) {
	r := &Rules{
		ignored: ignored, left: map[string]bool{}, formats: map[string]Format{}, masked: map[Item]bool{},
		tokens: map[Item][]*regexp.Regexp{}, sets: map[Item]bool{}, stable: map[Item]bool{},
	}
	for _, s := range serials {
		if err := r.learnNames(s, private); err != nil {
			return nil, err
		}
	}
	r.learnFormats(serials)
	for _, s := range serials {
		if err := r.learnItems(s, private); err != nil {
			return nil, err
		}
	}
	r.unsettle(serials)
	r.learnSets(serials)
	return r, nil
}

// Noise says in words what the rules leave out, in order.
func (r *Rules) Noise() (words []string) {
	for name := range r.left {
		words = append(words, name+" (nobody else reads it)")
	}
	for key, differs := range r.masked {
		if differs {
			words = append(words, describe(key.Path, key.Value))
		}
	}
	for key := range r.tokens {
		words = append(words, describe(key.Path, key.Value)+", in part")
	}
	for _, pattern := range r.names {
		words = append(words, "the name "+shown(pattern))
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// Noisy reports whether the file, or something in it, differs from run to run.
func (r *Rules) Noisy(name string) bool {
	normal := r.name(name)
	return !r.counts(name) || normal != name || r.noisy(normal)
}

func describe(file, path string) string {
	if path == "" || path == "content" {
		return file
	}
	return file + ": " + path
}

// learnNames pairs the files that only one of the two runs left.
func (r *Rules) learnNames(s Serial, private func(string) bool) error {
	only := func(a, b State) (names []string) {
		for name := range a {
			if _, both := b[name]; !both && r.counts(name) && r.name(name) == name {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	for name := range s.First {
		if _, both := s.Again[name]; both {
			r.stable[Item{Path: name}] = true
		}
	}
	first, again := only(s.First, s.Again), only(s.Again, s.First)
	for _, name := range first {
		i := slices.IndexFunc(again, func(other string) bool {
			return variesAs(name, other) != nil && s.First[name].Type == s.Again[other].Type
		})
		if i >= 0 {
			r.names = append(r.names, variesAs(name, again[i]))
			again = slices.Delete(again, i, i+1)
		} else if r.name(name) == name {
			again = append(again, name)
		}
	}
	for _, name := range again {
		switch {
		case r.name(name) != name:
		case private(name):
			r.left[name] = true
		default:
			return &UnrepeatableError{s.String(), name, ""}
		}
	}
	return nil
}

// counts reports whether the file is compared.
func (r *Rules) counts(name string) bool { return !Matches(r.ignored, name) && !r.left[r.name(name)] }

// name returns the file's name with what differs from run to run replaced.
func (r *Rules) name(name string) string {
	if r.stable[Item{Path: name}] {
		return name
	}
	return replaced(r.names, name)
}

// replaced is how a text is shown that one of the patterns is for, and the
// text itself otherwise.
func replaced(patterns []*regexp.Regexp, text string) string {
	for _, pattern := range patterns {
		if pattern.MatchString(text) {
			return shown(pattern)
		}
	}
	return text
}

// learnFormats reads each file in the format that all its contents have.
func (r *Rules) learnFormats(serials []Serial) {
	for _, s := range serials {
		for _, state := range []State{s.First, s.Again} {
			for name, f := range state {
				if f.Type != 0 || f.Sum == "" && len(f.Data) == 0 {
					continue
				}
				normal, format := r.name(name), formatOf(name, f)
				if before, known := r.formats[normal]; known && before != format {
					format = common(before, format)
				}
				r.formats[normal] = format
			}
		}
	}
}

// common is the format in which files of two can both be read.
func common(a, b Format) Format {
	if a == Binary || b == Binary || a == Database || b == Database {
		return Binary
	}
	return Text
}

// learnItems finds what differs within the files that both runs of an order left.
func (r *Rules) learnItems(s Serial, private func(string) bool) error {
	first, again := r.raw(s.First), r.raw(s.Again)
	for _, name := range slices.Sorted(maps.Keys(first)) {
		if key, ok := r.learnFile(name, first[name], again[name]); !ok {
			if !private(name) {
				return &UnrepeatableError{s.String(), name, key}
			}
			r.left[name] = true
		}
		if private(name) && r.noisy(name) {
			r.left[name] = true
		}
	}
	return nil
}

// noisy reports whether something in the file differs from run to run.
func (r *Rules) noisy(name string) bool {
	for key, differs := range r.masked {
		if differs && key.Path == name {
			return true
		}
	}
	for key := range r.tokens {
		if key.Path == name {
			return true
		}
	}
	return false
}

// learnFile finds what differs between two contents of a file. It returns false,
// and the key, where they differ in more than values.
func (r *Rules) learnFile(name string, first, again []Item) (key string, ok bool) {
	paths := byPath(first)
	others := byPath(again)
	for _, path := range slices.Sorted(maps.Keys(union(paths, others))) {
		a, b := paths[path], others[path]
		if len(a) != len(b) {
			return listName(path, first), false
		}
		at := Item{name, path}
		if !(Item{Path: path}).listed() {
			r.masked[at] = r.masked[at] || !slices.Equal(a, b)
			continue
		}
		for i := range a {
			if a[i] == b[i] {
				r.stable[inList(at, a[i])] = true
				continue
			}
			pattern := variesAs(a[i], b[i])
			if pattern == nil {
				return listName(path, first), false
			}
			r.tokens[at] = append(r.tokens[at], pattern)
		}
	}
	return "", true
}

// unsettle takes back that what both runs of an order had is no noise, where it
// lies at a place of its list at which the runs of another order differ: they may
// agree by chance. Only in a list that always has the same length is a place the
// same in all orders.
func (r *Rules) unsettle(serials []Serial) {
	for at := range r.tokens {
		var firsts, agains [][]string
		for _, s := range serials {
			first, again := byPath(r.raw(s.First)[at.Path])[at.Value], byPath(r.raw(s.Again)[at.Path])[at.Value]
			if len(first) > 0 && len(first) == len(again) {
				firsts, agains = append(firsts, first), append(agains, again)
			}
		}
		if slices.ContainsFunc(firsts, func(list []string) bool { return len(list) != len(firsts[0]) }) {
			continue
		}
		for i := range firsts[0] {
			varies := false
			for n := range firsts {
				varies = varies || firsts[n][i] != agains[n][i]
			}
			for n := range firsts {
				if varies {
					delete(r.stable, inList(at, firsts[n][i]))
				}
			}
		}
	}
}

// inList is the key of one element of a list in a file.
func inList(at Item, value string) Item { return Item{at.Path + "\x00" + at.Value, value} }

// listName is a list's path in words.
func listName(path string, items []Item) string {
	if path == "" && len(items) > 0 {
		return "its lines"
	}
	return path
}

func union(a, b map[string][]string) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

func byPath(items []Item) map[string][]string {
	values := map[string][]string{}
	for _, item := range items {
		values[item.Path] = append(values[item.Path], item.Value)
	}
	return values
}

// learnSets finds the lists that orders of the same commands only permute.
func (r *Rules) learnSets(serials []Serial) {
	for i, s := range serials {
		for _, other := range serials[:i] {
			if !sameCommands(s.Order, other.Order) {
				continue
			}
			a, b := r.Normal(s.First), r.Normal(other.First)
			for name := range a {
				ours, theirs := byPath(a[name]), byPath(b[name])
				for path, values := range ours {
					if (Item{Path: path}).listed() && !slices.Equal(values, theirs[path]) && sorted(values) == sorted(theirs[path]) {
						r.sets[Item{name, path}] = true
					}
				}
			}
		}
	}
}

func sameCommands(a, b []string) bool { return sorted(a) == sorted(b) }

func sorted(values []string) string { return strings.Join(slices.Sorted(slices.Values(values)), "\n") }
