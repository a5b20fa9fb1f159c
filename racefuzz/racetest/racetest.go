// Package racetest looks for races between programs in a Go test:
//
//	func TestAddBesideAdd(t *testing.T) {
//		racetest.Commands(t, "mytool add a", "mytool add b")
//	}
//
//	func TestOneServer(t *testing.T) {
//		racetest.Daemon(t, "myserver --pid {pidfile}")
//	}
//
// The programs are run as they are, in a directory of their own, and stopped at
// their system calls, so that every order of these is tried within bounds. A test
// fails with the order that breaks something, drawn, and with the command that
// runs it again; the case is kept in the directory testdata/races beside the
// test. Where programs cannot be traced, which is everywhere but on Linux, the
// test is skipped.
package racetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/hunt"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// kept is where findings are kept, beside the test.
var kept = filepath.Join("testdata", "races")

// Commands fails the test if command lines that run at the same time, two to
// four of them, can leave what they never leave one after the other. Each is
// split as a shell does. They run in a directory that is their home and working
// directory, and {dir} in them stands for it.
func Commands(t testing.TB, lines ...string) {
	t.Helper()
	CommandsAfter(t, nil, lines...)
}

// CommandsAfter does the same in a directory in which other command lines were
// run before, to make what these need.
func CommandsAfter(t testing.TB, setup []string, lines ...string) {
	t.Helper()
	o := hunt.Options{Lines: lines, Setup: setup, Preempt: 2}
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := within(t)
	defer cancel()
	set, err := o.Prepare(ctx, t.TempDir())
	skipOrFail(t, err)
	r, err := o.Search(ctx, set, nil)
	if ctx.Err() != nil {
		err = nil
	}
	skipOrFail(t, err)
	set.Done = t.Context().Done() // what was found is shown, however late
	if r.Witness == nil {
		t.Logf("no race; %s", o.Proved(set, r))
		return
	}
	f, err := o.Find(set, *r.Witness)
	skipOrFail(t, err)
	fail(t, f.Report, f.Path(kept), f.Recording)
}

// Daemon fails the test if servers that are started and stopped at the same
// time break what is promised of a pid file. {pidfile} in the command line stands
// for that, and {dir} for the directory in which it is and they run.
func Daemon(t testing.TB, line string) {
	t.Helper()
	l, err := commands.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	tier := trace.Tier{Dir: t.TempDir()}
	ctx, cancel := within(t)
	defer cancel()
	var plan explore.Plan
	var r explore.Result
	err = tier.Try(ctx, program.Program{Command: l.Words}, func(tier trace.Tier, learned program.Program) (err error) {
		plan = explore.Plan{Tier: tier, Cases: trace.Cases(learned, 2, 1), Bounds: explore.Bounds{Preemptions: 2, Crashes: 1}}
		if r, err = explore.Bounded(ctx, plan); ctx.Err() != nil {
			err = nil
		}
		return err
	})
	skipOrFail(t, err)
	if r.Witness == nil {
		t.Logf("no race in %d schedules; complete: %v", r.Schedules, r.Complete)
		return
	}
	f, err := explore.Explain(ctx, plan, *r.Witness)
	skipOrFail(t, err)
	name := strings.ToLower(filepath.Base(l.Words[0]) + "-" + string(f.Verdict.Invariant))
	fail(t, report.Report{Case: f.Case, Events: f.Events, Verdict: f.Verdict, Critical: f.Critical}, filepath.Join(kept, name+".txtar"), func(lanes string) race.Recording {
		return race.Recording{Case: f.Case, Schedule: race.ScheduleOf(f.Events), Verdict: f.Verdict, Lanes: lanes}
	})
}

// within leaves time for the report before the test's own time is over.
func within(t testing.TB) (context.Context, context.CancelFunc) {
	if timed, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if deadline, set := timed.Deadline(); set {
			return context.WithDeadline(t.Context(), deadline.Add(-time.Until(deadline)/4))
		}
	}
	return context.WithCancel(t.Context())
}

// skipOrFail ends the test if there is an error: with a reason to skip it where
// programs cannot be traced.
func skipOrFail(t testing.TB, err error) {
	t.Helper()
	var refusal *commands.Refusal
	switch {
	case err == nil:
	case errors.Is(err, trace.ErrForbidden):
		t.Skip(err)
	case errors.Is(err, errors.ErrUnsupported):
		t.Skip("programs can be stopped at their system calls on Linux only")
	case errors.As(err, &refusal):
		t.Fatalf("%s: %s", refusal.Reason, refusal.Remedy)
	default:
		t.Fatal(err)
	}
}

// fail keeps what was found and fails the test with it.
func fail(t testing.TB, r report.Report, path string, recording func(lanes string) race.Recording) {
	t.Helper()
	var lanes strings.Builder
	if err := report.Lanes(&lanes, r); err != nil {
		t.Error(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, recording(lanes.String()).Format(), 0o644); err != nil {
		t.Error(err)
	}
	t.Fatalf("\n%s\n%s\nreplay: go run github.com/memlatch/memlatch/racefuzz replay %s", lanes.String(), r.Verdict, path)
}
