package judge

import "slices"

// memory is something that was stored, or is about to be.
type memory struct {
	name   string
	who    int
	round  int
	acked  int  // the fact that acknowledged it, or 0
	told   bool // its server has been told to stop: it may have closed the store
	remove bool // an uninstall may have removed it since
}

// keep changes what is known of the store by the present fact.
func (j *Judge) keep() {
	f := &j.fact
	switch f.Kind {
	case Adds:
		j.store = append(j.store, memory{name: f.Name, who: f.Who, round: j.lives[f.Who].round})
	case Stores:
		for i := range j.store {
			if j.store[i].name == f.Name {
				j.store[i].acked = j.facts
			}
		}
	case Owes:
		j.owed = append(j.owed, f.Name)
	case Lists:
		j.listed = append(j.listed, f.Names...)
		j.windows[f.Window-1].open = false
	}
}

// users returns the servers that have the store open, for they have stored
// something and have not been told to stop.
func (j *Judge) users() (s set) {
	for i := range j.store {
		if m := &j.store[i]; m.acked > 0 && !j.closed(m) {
			s |= one(m.who)
		}
	}
	return s
}

// closed reports whether the server that stored m may have closed the store.
func (j *Judge) closed(m *memory) bool {
	l := &j.lives[m.who]
	m.told = m.told || l.round != m.round || l.phase != starting && l.phase != serving
	return m.told
}

// removable notes what an uninstall that ends may have removed.
func (j *Judge) removable(l *life) {
	j.cleared = j.fact.State == Nobody && !l.reason
	for i := range j.store {
		if m := &j.store[i]; !l.refused && j.closed(m) {
			m.remove = true
		}
	}
}

// forgotten returns what was acknowledged before a window began, is not in a
// list that is made in it, and cannot have been removed.
func (j *Judge) forgotten(w *window, list []string) (name string, found bool) {
	removes := slices.ContainsFunc(j.lives, func(l life) bool { return l.phase == visiting && !l.refused })
	for i := range j.store {
		m := &j.store[i]
		excused := m.remove || removes && j.closed(m)
		if m.acked > 0 && m.acked < w.fact && !excused && !slices.Contains(list, m.name) {
			return m.name, true
		}
	}
	return "", false
}
