package judge

// Proves what a pid file may hold once a command has returned that starts a
// server, and that it may name more than one process of that.

import (
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestWhatTheFileHoldsOnceACommandReturns(t *testing.T) {
	twice := calls
	twice.Content = "pid={pid} pgid={pid}\n"
	for facts, want := range map[string]struct {
		promise Promise
		breaks  race.Invariant
	}{
		`a begins; a changes 1 "{a}\n"; a returns`:                              {calls, ""},
		`a begins; a changes 1 "{a.1}\n"; a returns`:                            {calls, ""},
		`a begins; a changes 1 "{a gone}\n"; a returns`:                         {calls, race.ReadersFindTheHolder},
		`a begins; a returns`:                                                   {calls, race.ReadersFindTheHolder},
		`a begins; a changes 1 "{a}\n"; a serves; b begins; b returns`:          {calls, ""}, // one runs already
		`a begins; a changes 1 "pid={a} pgid={a}\n"; a returns`:                 {twice, ""},
		`a begins; a changes 1 "pid={a.1} pgid={a}\n"; a serves`:                {twice, ""},
		`a begins; a changes 1 "pid={a} pgid={a gone}\n"; a returns`:            {twice, race.ReadersFindTheHolder},
		`a begins; a changes 1 "pid={a} pgid={b}\n"; a returns`:                 {twice, race.ReadersFindTheHolder},
		`a begins; a changes 1 "pid={a} pgid={a}\nrest\n"; a locks 1; a serves`: {twice, race.CrashesAreTakenOver},
	} {
		if got := tell(t, telling{want.promise, facts}); got.Invariant != want.breaks {
			t.Errorf("%s: %s, want %q", facts, got, want.breaks)
		}
	}
}
