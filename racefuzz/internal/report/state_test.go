package report

// Proves what a report reads out of the events: which file the name meant,
// who held which lock, and when a file's track is free for the next.

import (
	"reflect"
	"slices"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestLocksAreToldApartByFile(t *testing.T) {
	r := twoFiles()
	r.Events[12].Orphans = "1 b, 3 c d (shared)"
	got := r.states()[13].locks
	want := []held{{1, "b"}, {2, "a"}, {3, "c d (shared)"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for actor, want := range map[string]bool{"a": true, "b": true, "d": true, "e": false} {
		if got := r.states()[13].holds(actor); got != want {
			t.Errorf("%s holds a lock: %v, want %v", actor, got, want)
		}
	}
}

func TestFileIsNewWhenTheNameComesBack(t *testing.T) {
	r := Report{
		Case: race.Case{Files: []race.File{{Name: race.PIDFile, Kind: race.Regular, Content: "1\n"}}},
		Events: []race.Event{
			after("a open: ok", 0, "1\n", "", ""),
			after("a lock: ok", 0, "1\n", "a", ""),
			after("a remove: ok", 0, "-", "a", ""), // a tier that reports the lock of a file without its name
			after("a unlock: ok", 0, "-", "", ""),
			after("b open: ok", 0, "", "", ""),
			after("b remove: ok", 0, "-", "", ""),
			after("b open: ok", 0, "", "", ""),
		},
	}
	var inodes []int
	for _, s := range r.states() {
		inodes = append(inodes, s.inode)
	}
	if want := []int{1, 1, 1, 0, 0, 2, 0, 3}; !slices.Equal(inodes, want) {
		t.Errorf("the name means %v, want %v", inodes, want)
	}
	if got, want := r.states()[3].locks, []held{{1, "a"}}; !slices.Equal(got, want) {
		t.Errorf("without the name the locks are %v, want %v", got, want)
	}
}

func TestPlacesForPidsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		content string
		first   race.Event
		want    string
	}{
		{"{dead}\n", race.Event{File: "34567\n"}, "34567 is the pid of a dead process"},
		{"{stranger}", race.Event{File: "42"}, "42 is the pid of a live process that is no actor"},
		{"x{dead}y", race.Event{File: "x7y"}, "7 is the pid of a dead process"},
		{"{dead}\n", race.Event{File: ""}, ""},
		{"{dead}\n", race.Event{File: "101\n", Time: 1}, ""}, // time passes, and the pid may be a new one
		{"34567\n", race.Event{File: "34567\n"}, ""},
	} {
		r := Report{
			Case:   race.Case{Files: []race.File{{Name: race.PIDFile, Kind: race.Regular, Content: tt.content}}},
			Events: []race.Event{tt.first},
		}
		if got := r.plain().stranger(); got != tt.want {
			t.Errorf("%q, then %q: %q, want %q", tt.content, tt.first.File, got, tt.want)
		}
	}
}

func TestTracksAreUsedAgain(t *testing.T) {
	at := func(inode int, locked ...int) state {
		s := state{inode: inode}
		for _, i := range locked {
			s.locks = append(s.locks, held{inode: i, who: "a"})
		}
		return s
	}
	got := tracks([]state{at(0), at(1), at(0, 1), at(2, 1), at(2), at(3, 2), at(3)})
	want := [][]int{{0, 0}, {1, 0}, {1, 0}, {1, 2}, {0, 2}, {3, 2}, {3, 0}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
