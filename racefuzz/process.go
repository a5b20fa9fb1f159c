package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/proc"
	caserace "github.com/memlatch/memlatch/racefuzz/race"
)

// Bounds on what is done with a broken case.
const (
	runsAgain   = 10 // first, and
	runsAtMost  = 60 // while it was not broken once
	shrinkTime  = 20 * time.Second
	replayRuns  = 60
	reproducing = time.Minute
)

// session is one run of the process tier.
type session struct {
	out     *output
	arena   *proc.Arena
	target  proc.Target
	start   time.Time
	cases   int
	servers int
}

// process is the process tier: it fuzzes, or replays.
func process(ctx context.Context, o options, out *output) (code int, err error) {
	out.begin()
	arena, err := proc.Open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, arena.Close()) }()
	s := &session{out: out, arena: arena}
	name := o.target
	var recording caserace.Recording
	if o.replay != "" {
		if recording, err = load(o.replay); err != nil {
			return 0, err
		}
		name = recording.Case.Target
	}
	var took time.Duration
	if s.target, took, err = o.find(ctx, name, arena.Dir); err != nil {
		return s.orInterrupted(ctx, err)
	}
	out.built(took)
	s.start = time.Now()
	if o.replay != "" {
		return s.replay(ctx, o, recording.Case)
	}
	return s.fuzz(ctx, o)
}

func load(path string) (caserace.Recording, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return caserace.Recording{}, err
	}
	r, err := caserace.ParseRecording(data)
	if err == nil && r.Case.Tier != proc.Tier {
		err = fmt.Errorf("tier %q cannot be replayed here", r.Case.Tier)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// fuzz runs drawn cases until one of them is broken again and again.
func (s *session) fuzz(ctx context.Context, o options) (int, error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if o.time > 0 {
		limited, cancel = context.WithTimeout(ctx, o.time)
	}
	defer cancel()
	seeds := proc.NewSeeds(o.seed, o.n)
	var once *race
	for {
		found, err := s.arena.Fuzz(limited, s.target, o.procs, seeds, func(r proc.Result) {
			s.cases++
			s.servers += r.Outcome.Servers
			s.out.ran(r)
			s.out.status.show(soFar(s.cases, o.n, s.servers, time.Since(s.start), o.time))
		})
		if err != nil || ctx.Err() != nil {
			return s.orInterrupted(ctx, err)
		}
		if found == nil {
			break
		}
		r := &race{Result: *found}
		if err := s.repeat(ctx, r); err != nil {
			return s.orInterrupted(ctx, err)
		}
		if r.broken > 0 {
			return s.shrink(ctx, o, r)
		}
		once = r
	}
	if once != nil {
		s.out.found(*once)
		return s.end(exitNotReproducible, fmt.Sprintf("could not reproduce: %s, once and in none of %d runs after it",
			once.Outcome.Verdict, once.ran)), nil
	}
	return s.end(exitClean, "no race"), nil
}

// orInterrupted returns err, or if ctx has ended the verdict on that.
func (s *session) orInterrupted(ctx context.Context, err error) (int, error) {
	if ctx.Err() != nil {
		return s.end(exitInterrupted, "interrupted, no race so far"), nil
	}
	return 0, err
}

func (s *session) end(code int, verdict string) int {
	took := time.Duration(0)
	if !s.start.IsZero() {
		took = time.Since(s.start)
	}
	return s.out.end(code, verdict, s.cases, s.servers, took)
}

// repeat runs a broken case again, to see how often it is.
func (s *session) repeat(ctx context.Context, r *race) error {
	s.out.status.show("running the broken case again")
	limited, cancel := context.WithTimeout(ctx, reproducing)
	defer cancel()
	broken, ran, last, err := s.arena.Repeat(limited, s.target, r.Case, runsAgain, runsAgain)
	if err == nil && broken == 0 {
		var more int
		broken, more, last, err = s.arena.Repeat(limited, s.target, r.Case, runsAtMost-ran, 1)
		ran += more
	}
	r.broken, r.ran = broken, ran
	if broken > 0 {
		r.Outcome = last
	}
	if ctx.Err() == nil && limited.Err() != nil {
		return nil
	}
	return err
}

// shrink makes a case that breaks again as small as it can in its time, saves
// and shows it.
func (s *session) shrink(ctx context.Context, o options, r *race) (int, error) {
	s.out.status.show("shrinking")
	limited, cancel := context.WithTimeout(ctx, shrinkTime)
	defer cancel()
	r.Case, r.Outcome = s.arena.Shrink(limited, s.target, r.Case, r.Outcome, proc.Tries(r.broken, r.ran))
	if err := s.repeat(ctx, r); err != nil {
		return s.orInterrupted(ctx, err)
	}
	r.Case.Title = proc.Title(r.Case, r.Outcome.Verdict)
	if err := s.save(o, r); err != nil {
		return 0, err
	}
	s.out.found(*r)
	return s.end(exitRace, r.Outcome.Verdict.String()), nil
}

func (s *session) save(o options, r *race) error {
	if err := os.MkdirAll(o.save, 0o755); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s-%d.txtar", r.Case.Target, strings.ToLower(string(r.Outcome.Verdict.Invariant)), r.Seed)
	r.saved = filepath.Join(o.save, name)
	r.replay = replayCommand(o, r.saved)
	rec := caserace.Recording{Case: r.Case, Schedule: caserace.ScheduleOf(r.Outcome.Events), Verdict: r.Outcome.Verdict}
	return os.WriteFile(r.saved, rec.Format(), 0o644)
}

// replayCommand is what a person can type to run a saved case again.
func replayCommand(o options, path string) string {
	program := word(os.Args[0])
	if self, err := os.Executable(); err == nil && strings.Contains(self, "go-build") {
		program = "go run github.com/memlatch/memlatch/racefuzz"
	}
	if o.server != "" {
		program += " -server " + word(o.server)
	}
	return program + " -replay " + word(relative(path))
}

// replay runs a saved case until it is broken.
func (s *session) replay(ctx context.Context, o options, c caserace.Case) (int, error) {
	r := race{Result: proc.Result{Case: c}}
	var err error
	r.broken, r.ran, r.Outcome, err = s.arena.Repeat(ctx, s.target, c, replayRuns, 1)
	if err != nil {
		return s.orInterrupted(ctx, err)
	}
	s.cases, s.servers = r.ran, r.Outcome.Servers
	if r.broken == 0 {
		return s.end(exitNotReproducible, fmt.Sprintf("could not reproduce: no race in %d runs", r.ran)), nil
	}
	s.out.found(r)
	return s.end(exitRace, r.Outcome.Verdict.String()), nil
}
