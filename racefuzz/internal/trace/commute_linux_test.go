package trace

// Proves that steps are only taken to commute where nobody can tell in which
// order they were made.

import "testing"

func TestStepsCommuteUnlessOneChangesWhatTheOtherSees(t *testing.T) {
	open := footprint{reads: []string{"name server.pid", "content 1"}}
	create := footprint{writes: []string{"name server.pid", entriesOf + "0"}}
	createOther := footprint{writes: []string{"name other", entriesOf + "0"}}
	list := footprint{reads: []string{entriesOf + "0"}}
	write := footprint{writes: []string{"content 1"}, visible: true}
	unlink := footprint{writes: []string{"name server.pid", entriesOf + "0", "content 1"}, visible: true}
	refused := footprint{reads: []string{"locks 1"}}
	lock := footprint{writes: []string{"locks 1"}}
	ends := footprint{writes: []string{processes}, visible: true}
	kill0 := footprint{reads: []string{processes}}
	for _, tt := range []struct {
		name string
		a, b footprint
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
		{"two that the oracle sees", write, ends, false},
		{"ending and asking who lives", ends, kill0, false},
		{"what is not known and anything", footprint{all: true}, footprint{}, false},
	} {
		if got := tt.a.commutes(tt.b); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if got := tt.b.commutes(tt.a); got != tt.want {
			t.Errorf("%s, the other way round: %v, want %v", tt.name, got, tt.want)
		}
	}
}
