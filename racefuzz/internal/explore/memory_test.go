package explore

// Proves that what an exploration keeps fits into memory, however long it goes on.

import (
	"context"
	"runtime"
	"slices"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// mostKept is what an exploration may keep of as many schedules as are run in an
// hour of two thousand a minute, in bytes: with as much again that is still to be
// collected, and with all else, that is below 500 MB.
const mostKept = 220 << 20

func TestAnHourOfSchedulesFitsIntoMemory(t *testing.T) {
	schedules := 120_000
	if !*exam {
		schedules /= 12
	}
	script := []string{"begin"}
	for range 2 {
		script = append(script, "look x", "try l", "set x", "look y", "set y", "serve", "unlock l")
	}
	tier := &machine{} // which keeps no ends
	p := Plan{Tier: tier, Cases: []race.Case{toyCase(script, script, slices.Concat(script, []string{"look x"}))},
		Bounds: Bounds{Preemptions: 4, Crashes: 2}, Limit: schedules}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s := newSearches(context.Background(), p)
	r, err := s.explore()
	kept := heap() - before
	if err != nil || r.Complete || r.Schedules < schedules {
		t.Fatalf("%d schedules, complete: %v, %v, and too few are too little", r.Schedules, r.Complete, err)
	}
	t.Logf("%d schedules of %d steps on average keep %d MB, %d bytes each", r.Schedules, r.Steps/r.Schedules, kept>>20, int(kept)/r.Schedules)
	if kept > mostKept*uint64(schedules)/120_000 {
		t.Errorf("%d schedules keep %d MB", r.Schedules, kept>>20)
	}
	runtime.KeepAlive(s)
}
