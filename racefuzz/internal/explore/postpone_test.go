package explore

// Proves that schedules are put off only as long as nobody is seen to be
// concerned, that of crashes that lead to the same one is left, and what a crash does
// to whose turn it is.

import (
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func named(name string) []Object { return []Object{{Aspect: Name, Name: name}} }

func TestAStepIsPrivateUntilSomebodyIsConcerned(t *testing.T) {
	c := newConcerns(race.Case{Actors: []race.Actor{
		{Name: "a", Script: []string{"start", "stop"}}, {Name: "b", Script: []string{"start", "stop"}}, {Name: "c", Script: []string{"run"}},
	}}, func(actor string) string {
		if actor == "c" {
			return "run"
		}
		return "start stop"
	})
	log := Footprint{Writes: named("log")}
	c.add("c", log)
	c.add("c.1", Footprint{Reads: named("other")})
	if !c.private("c", log) {
		t.Error("the only one who had to do with a file is not the only one")
	}
	c.later = []postponed{{lane: "c", foot: log, branches: []*branch{{}}}}
	if due := c.add("a", Footprint{Reads: named("server.pid")}); len(due) > 0 {
		t.Error("due with a step that has nothing to do with it")
	}
	if due := c.add("b", Footprint{Reads: named("log")}); len(due) != 1 || len(c.later) > 0 {
		t.Errorf("%d due with one that has, %d left", len(due), len(c.later))
	}
	if c.private("c", log) {
		t.Error("still private after that")
	}
	own := Footprint{Writes: named("a.log")}
	c.add("a", own)
	if c.private("a", own) {
		t.Error("what only a was seen to do, b, which is like a, may do as well")
	}
}

// Only who gets so far as to see o, which takes two preemptions, is concerned by what a
// does with it: what was put off before that takes one.
func TestWhatWasPutOffIsExploredThoughItSpendsLess(t *testing.T) {
	c := comparison{toyCase(
		[]string{"begin", "set f", "set o", "set z"},
		[]string{"begin", "look f", "unless alive", "unless set g", "set w"},
		[]string{"begin", "look f", "unless alive", "unless look g", "unless alive", "unless look o"},
	), Bounds{Preemptions: 2}}
	if loss := c.lost(""); loss != "" {
		t.Errorf("%s\n%s", c, loss)
	}
}

// A crash that sets him free who had the turn makes nobody's step a preemption: c may
// look before b crashes and after it, and a goes on before c does.
func TestACrashGivesNoTurnBack(t *testing.T) {
	c := comparison{toyCase(
		[]string{"begin", "set x", "wait l", "set x"},
		[]string{"begin", "wait l", "wait l"},
		[]string{"begin", "look x", "set x"},
	), Bounds{Preemptions: 1, Crashes: 1}}
	if loss := c.lost(""); loss != "" {
		t.Errorf("%s\n%s", c, loss)
	}
}

func TestACrashThatLeadsWhereAnotherDoesIsMadeOnce(t *testing.T) {
	k := crashed{}
	once := Bounds{Crashes: 1}
	for i, tt := range []struct {
		state  uint64 // 0: not known
		asleep []string
		news   bool
	}{
		{7, []string{"b"}, true},
		{7, []string{"b", "c"}, false}, // b and c need not move after it
		{7, nil, true},                 // b has to
		{8, []string{"b"}, true},
		{0, nil, true},
		{0, nil, true},
	} {
		if got := k.leadsToNews(crash{state: tt.state, whole: tt.state != 0}, entered{once.kept(), tt.asleep}); got != tt.news {
			t.Errorf("%d: news is %v, want %v", i, got, tt.news)
		}
	}
}
