// Package explore chooses schedules: all within bounds, all that differ, or a
// sample. It knows cases only as moves that can be made, so that every tier
// whose actors move one at a time can be explored.
package explore

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Bounds limit what happens in a schedule besides actors going on. A
// preemption takes the turn from an actor that could have gone on. A fault, a
// call that is made to fail, takes the place of a preemption or a crash: there
// are never more of all three than of these two.
type Bounds struct {
	Preemptions, Crashes, Faults int
}

// String returns "2 preemptions, 1 crash", and the faults where there are any.
func (b Bounds) String() string {
	text := count(b.Preemptions, "preemption", "preemptions") + ", " + count(b.Crashes, "crash", "crashes")
	if b.Faults > 0 {
		text += ", or " + count(b.Faults, "fault", "faults") + " instead"
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// Plan is what is explored, and how far.
type Plan struct {
	Tier       race.Tier
	Cases      []race.Case
	Bounds     Bounds
	Invariants []race.Invariant // those that count; empty for all
	Limit      int              // of schedules; 0 for none. Several workers may each run one more.
	Seed       uint64           // of samples
	Workers    int              // 0 is 1
	Progress   *Progress        // or nil
	Longest    int              // steps of a schedule, beyond which it is taken to have no end; 0 for 1000
	Without    Reductions       // switched off: to compare what is found with them and without
}

// most is how much a schedule can spend within b. A fault takes the place of a
// preemption or a crash.
func (b Bounds) most() int { return max(b.Preemptions+b.Crashes, b.Faults) }

func (b Bounds) sum() int { return b.Preemptions + b.Crashes + b.Faults }

func (b Bounds) within(c Bounds) bool {
	return b.Preemptions <= c.Preemptions && b.Crashes <= c.Crashes && b.Faults <= c.Faults
}

// Result is what an exploration came to.
type Result struct {
	Witness   *Witness // nil when no invariant was broken
	Complete  bool     // every schedule within the bounds was explored; never of a sample
	Passes    int      // of [Bounded], where it was stopped: those that were over, see [stages]
	Schedules int      // that were run, the witness included
	Steps     int
	// Diverged counts the schedules that could not be run to their end, because
	// the program did something else than before; Divergence is the first.
	Diverged   int
	Divergence string
	Sampled    int // of the schedules, after the others were complete
}

// counts reports whether v is what the plan looks for.
func (p Plan) counts(v race.Verdict) bool {
	return v.Broken() && (len(p.Invariants) == 0 || slices.Contains(p.Invariants, v.Invariant))
}

// Progress counts while an exploration runs. It may be read at any time.
type Progress struct {
	Schedules atomic.Int64
	Steps     atomic.Int64
	open      atomic.Int64 // schedules that are known to be left
	complete  atomic.Pointer[string]
}

// Left takes note of how many schedules are known to be left of those that are
// explored now.
func (p *Progress) Left(schedules int) { p.open.Store(int64(schedules)) }

// reached takes note of what is complete.
func (p *Progress) reached(text string) {
	if p != nil && text != "" {
		p.complete.Store(&text)
	}
}

// Rest says what is known to be left, and what is complete.
func (p *Progress) Rest() (text string) {
	if n := p.open.Load(); n > 0 {
		text = fmt.Sprintf(", %d left and what they lead to", n)
	}
	if complete := p.complete.Load(); complete != nil {
		text += "; " + *complete
	}
	return text
}

// Ran adds a schedule of that many steps.
func (p *Progress) Ran(steps int) {
	if p != nil {
		p.Schedules.Add(1)
		p.Steps.Add(int64(steps))
	}
}

// Witness is a schedule that breaks an invariant.
type Witness struct {
	Case    race.Case
	Events  []race.Event // up to the one that breaks it
	Verdict race.Verdict
}

// Recording returns w as it is saved.
func (w Witness) Recording() race.Recording {
	return race.Recording{Case: w.Case, Schedule: race.ScheduleOf(w.Events), Verdict: w.Verdict}
}
