package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// state is what the case's directory looked like at one moment.
type state struct {
	inode int    // which file the name means, from 1; 0 for none
	text  string // as race.Event.File
	locks []held // by inode
}

// held is a lock that somebody holds.
type held struct {
	inode int
	who   string // as in race.Event.Lock
}

// states returns the state at the start, and after it the one after each event.
//
// Where the events do not tell files apart, a file counts as a new one when
// the name comes back. The lock of a name that is gone counts as one on the
// last file that had it.
func (r Report) states() []state {
	told := r.told()
	now := r.start()
	all := []state{now}
	last := now.inode
	for _, e := range r.Events {
		inode := e.Inode
		if !told && e.File != "-" {
			inode = now.inode
			if inode == 0 {
				inode = last + 1
			}
		}
		last = max(last, inode)
		now = state{inode: inode, text: e.File, locks: orphans(e.Orphans)}
		if e.Lock != "" {
			now.locks = append(now.locks, held{cmp.Or(inode, last), e.Lock})
		}
		slices.SortStableFunc(now.locks, func(a, b held) int { return cmp.Compare(a.inode, b.inode) })
		all = append(all, now)
	}
	return all
}

// start returns the state before the first event.
func (r Report) start() state {
	f, ok := r.pidFile()
	switch {
	case !ok:
		return state{text: "-"}
	case f.Kind == race.Link:
		return state{inode: 1, text: "link to " + Plain(f.Content)}
	case f.Kind != race.Regular:
		return state{inode: 1, text: string(f.Kind)}
	case r.stranger() != "":
		return state{inode: 1, text: r.Events[0].File}
	}
	return state{inode: 1, text: content(f.Content)}
}

// pidFile returns the pid file that is there at the start.
func (r Report) pidFile() (race.File, bool) {
	i := slices.IndexFunc(r.Case.Files, func(f race.File) bool { return f.Name == r.Case.PIDFile() })
	if i < 0 {
		return race.File{}, false
	}
	return r.Case.Files[i], true
}

// strangers are the processes that a place in race.File.Content stands for.
var strangers = []struct{ place, who string }{
	{"{dead}", "a dead process"},
	{"{stranger}", "a live process that is no actor"},
}

// stranger says whose pid is in the pid file at the start, when that is such
// a process and the first event still shows its pid. Where time passes, that
// event may show another.
func (r Report) stranger() string {
	f, _ := r.pidFile()
	if strings.Contains(f.Content, "{stranger}") && slices.ContainsFunc(r.Events, func(e race.Event) bool { return strings.Contains(e.File, "{stranger}") }) {
		return "{stranger} is a live process that is no actor"
	}
	if len(r.Events) == 0 || r.timed() {
		return ""
	}
	for _, s := range strangers {
		before, after, ok := strings.Cut(f.Content, s.place)
		pid := strings.TrimPrefix(r.Events[0].File, before)
		pid = strings.TrimSuffix(pid, strings.TrimSuffix(after, "\n"))
		if _, err := strconv.Atoi(pid); ok && err == nil {
			return pid + " is the pid of " + s.who
		}
	}
	return ""
}

// orphans reads race.Event.Orphans.
func orphans(text string) []held {
	var locks []held
	for part := range strings.SplitSeq(text, ", ") {
		number, who, _ := strings.Cut(part, " ")
		if inode, err := strconv.Atoi(number); err == nil {
			locks = append(locks, held{inode, who})
		}
	}
	return locks
}

// manyFiles reports whether the name has meant more than one file, so that
// files have to be told apart.
func manyFiles(states []state) bool {
	return slices.ContainsFunc(states, func(s state) bool {
		return s.inode > 1 || slices.ContainsFunc(s.locks, func(h held) bool { return h.inode > 1 })
	})
}

// file returns what the name means and holds, with the number of the file
// where there are many.
func (s state) file(many bool) string {
	if !many || s.inode == 0 {
		return s.text
	}
	return fmt.Sprintf("[%d] %s", s.inode, s.text)
}

// lock returns who holds which locks, in the same way.
func (s state) lock(many bool) string {
	var locks []string
	for _, h := range s.locks {
		text := h.who
		if many {
			text = fmt.Sprintf("[%d] %s", h.inode, text)
		}
		locks = append(locks, text)
	}
	return strings.Join(locks, ", ")
}

// holders returns who holds the lock on a file.
func (s state) holders(inode int) string {
	for _, h := range s.locks {
		if h.inode == inode {
			return h.who
		}
	}
	return ""
}

// holds reports whether actor holds any of the locks.
func (s state) holds(actor string) bool {
	return slices.ContainsFunc(s.locks, func(h held) bool {
		return slices.Contains(strings.Fields(h.who), actor)
	})
}
