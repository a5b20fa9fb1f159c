package trace

// Proves that schedules are put off only as long as nobody is seen to be
// concerned, and are explored then.

import (
	"sync"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func named(name string) []explore.Object { return []explore.Object{{Aspect: explore.Name, Name: name}} }

func TestAStepIsPrivateUntilSomebodyIsConcerned(t *testing.T) {
	c := newConcerns(race.Case{Actors: []race.Actor{
		{Name: "a", Script: []string{opStart, opStop}}, {Name: "b", Script: []string{opStart, opStop}}, {Name: "c", Script: []string{opRun}},
	}})
	log := explore.Footprint{Writes: named("log")}
	c.add("c", log)
	c.add("c.1", explore.Footprint{Reads: named("other")})
	if !c.private("c", log) {
		t.Error("the only one who had to do with a file is not the only one")
	}
	c.later = []postponed{{lane: "c", foot: log, branches: []branch{{}}}}
	if due := c.add("a", explore.Footprint{Reads: named("server.pid")}); len(due) > 0 {
		t.Error("due with a step that has nothing to do with it")
	}
	if due := c.add("b", explore.Footprint{Reads: named("log")}); len(due) != 1 || len(c.later) > 0 {
		t.Errorf("%d due with one that has, %d left", len(due), len(c.later))
	}
	if c.private("c", log) {
		t.Error("still private after that")
	}
	own := explore.Footprint{Writes: named("a.log")}
	c.add("a", own)
	if c.private("a", own) {
		t.Error("what only a was seen to do, b, which is like a, may do as well")
	}
}

func TestWhatWasPutOffIsExploredOnceItMatters(t *testing.T) {
	t.Parallel()
	schedules, found := search(t, Program{
		Command: []string{"sh", "-c", `echo $$ >"$0"; while read -r line; do :; done; read -r m <sub/mark; [ "$m" = 1 ] || rm "$0"`, "{pidfile}"},
		Beside:  []string{"sh", "-c", "[ -e {pidfile} ] && echo 1 >sub/mark; echo 2 >sub/mark"},
		Files:   []race.File{{Name: "sub", Kind: race.Dir}},
		Losers:  "exit", Lenient: true,
	}, 1, Bounds{Preemptions: 1}, 1)
	if found.Verdict.Invariant != race.NothingRemains {
		t.Errorf("%v after %d schedules, want I3: the first who is seen to look for the mark has stopped by then", found.Verdict, schedules)
	}
}

func TestACrashThatLeadsWhereAnotherDoesIsMadeOnce(t *testing.T) {
	x := &explorer{open: make([][]branch, 2), crashed: map[uint64][]entered{}}
	x.more = sync.NewCond(&x.mu)
	once := Bounds{Crashes: 1}
	to := func(state uint64, asleep ...string) branch {
		return branch{used: once, crash: crash{state, entered{once, asleep}}}
	}
	for i, tt := range []struct {
		b    branch
		kept int
	}{
		{to(7, "b"), 1},
		{to(7, "b", "c"), 1}, // b and c need not move after it
		{to(7), 2},           // b has to
		{to(8, "b"), 3},
		{to(0), 4}, // not known where it leads
		{to(0), 5},
	} {
		x.push([]branch{tt.b})
		if got := len(x.open[1]); got != tt.kept {
			t.Errorf("%d: %d kept, want %d", i, got, tt.kept)
		}
	}
}

func TestWhatOnlyTheVictimKnowsGoesWithIt(t *testing.T) {
	t.Parallel()
	r, err := start(firstCase(t, shProgram(t, `[ -e one ]; [ -e two ]; echo $$ >server.pid; read line; rm server.pid`)), Tier{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var states, crashed []uint64
	for range 4 { // start, look, look, open
		m, _ := byDefault(r.Moves(), r.last())
		if _, err := r.Do(m); err != nil {
			t.Fatal(err)
		}
		state, _ := r.fingerprint(r.actors[0])
		crashed = append(crashed, state)
		states = append(states, r.Fingerprint())
	}
	if crashed[1] != crashed[2] || crashed[2] == crashed[3] {
		t.Errorf("a crash after each of two looks and a change leads to %x", crashed[1:])
	}
	if states[1] == states[2] {
		t.Error("what a has seen makes no difference to it")
	}
}
