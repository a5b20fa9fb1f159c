package explore

// Proves that steps are only taken to commute where nobody can tell in which
// order they were made.

import "testing"

func TestStepsCommuteUnlessOneChangesWhatTheOtherSees(t *testing.T) {
	name, other := Object{Aspect: Name, Name: "server.pid"}, Object{Aspect: Name, Name: "other"}
	content, entries := Object{Content, "server.pid", 1}, Object{Entries, ".", 0}
	locks, processes := Object{Locks, "server.pid", 1}, Object{Aspect: Processes}

	open := Footprint{Reads: []Object{name, content}}
	create := Footprint{Writes: []Object{name, entries}}
	createOther := Footprint{Writes: []Object{other, entries}}
	list := Footprint{Reads: []Object{entries}}
	write := Footprint{Writes: []Object{content}, Visible: true}
	unlink := Footprint{Writes: []Object{name, entries, content}, Visible: true}
	refused := Footprint{Reads: []Object{locks}}
	lock := Footprint{Writes: []Object{locks}}
	ends := Footprint{Writes: []Object{processes}, Visible: true}
	kill0 := Footprint{Reads: []Object{processes}}
	for _, tt := range []struct {
		name string
		a, b Footprint
		want bool
	}{
		{"two that open what is there", open, open, true},
		{"opening and creating", open, create, false},
		{"creating two different files", create, createOther, true},
		{"creating the same", create, create, false},
		{"creating and listing", create, list, false},
		{"opening and unlinking", open, unlink, false},
		{"opening and locking", open, lock, true},
		{"two that are refused", refused, refused, true},
		{"being refused and getting the lock", refused, lock, false},
		{"writing and asking for the lock", write, refused, true},
		{"two that the judge sees", write, ends, false},
		{"ending and asking who lives", ends, kill0, false},
		{"what is not known and anything", Footprint{Unknown: true}, Footprint{}, false},
		{"writing to two files that had the same name first", write, Footprint{Writes: []Object{{Content, "server.pid", 2}}}, true},
		{"the same, where the files of other schedules are meant", write.Lasting(), Footprint{Writes: []Object{{Content, "server.pid", 2}}}.Lasting(), false},
	} {
		if got := tt.a.Commutes(tt.b); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if got := tt.b.Commutes(tt.a); got != tt.want {
			t.Errorf("%s, the other way round: %v, want %v", tt.name, got, tt.want)
		}
	}
}
