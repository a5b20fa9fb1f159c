package proc

import (
	"slices"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// meeting is where actors wait for each other. Whoever has "meet" in its
// script belongs to it until the end of the script, and they go on once all
// who still belong have come.
type meeting struct {
	mu      sync.Mutex
	members map[string]bool
	waiting int
	gather  chan struct{} // closed when all have come
}

func newMeeting(c race.Case) *meeting {
	m := &meeting{members: map[string]bool{}, gather: make(chan struct{})}
	for _, a := range c.Actors {
		if slices.Contains(a.Script, opMeet) {
			m.members[a.Name] = true
		}
	}
	return m
}

// come returns what is closed when all have come.
func (m *meeting) come() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting++
	gather := m.gather
	m.check()
	return gather
}

func (m *meeting) leave(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.members, name)
	m.check()
}

func (m *meeting) check() {
	if m.waiting > 0 && m.waiting >= len(m.members) {
		close(m.gather)
		m.gather, m.waiting = make(chan struct{}), 0
	}
}
