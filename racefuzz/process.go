package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/hunt"
	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
)

// Bounds on what is done with a broken case.
const (
	runsAgain   = 10 // to say how often it breaks
	runsAtMost  = 60 // while it was not broken once
	brokenFirst = 3  // times that are enough before it is shrunk
	replayRuns  = 60
	brokenTime  = time.Minute // for running a case until it breaks again, or three times what it took
	shrinkTime  = 12 * time.Second
	rateTime    = 12 * time.Second // for running what is shrunk
)

// session is one run with random timing.
type session struct {
	*common
	out     *output
	arena   *proc.Arena
	target  proc.Target
	command []string      // of a program
	pairs   *hunt.Options // of commands, or nil
	start   time.Time
	cases   int
	servers int
	broken  race.Verdict // of the case in hand
}

// withSession does something in a session, and ends it.
func withSession(c *common, out *output, do func(*session) (int, error)) (code int, err error) {
	arena, err := proc.Open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, arena.Close()) }()
	if c.workers > 0 {
		arena.Workers = c.workers
	}
	return do(&session{common: c, out: out, arena: arena})
}

// fuzz runs drawn cases until one of them is broken again and again, or limited
// ends, or there are no more. If ctx ends it was interrupted.
func (s *session) fuzz(ctx, limited context.Context, draw func(seed uint64) race.Case) (int, error) {
	if s.start.IsZero() {
		s.start = time.Now()
	}
	seeds := proc.NewSeeds(s.seed, s.n)
	var once *finding
	for {
		found, err := s.arena.Fuzz(limited, s.target, draw, seeds, func(r proc.Result) {
			s.cases++
			s.servers += r.Outcome.Servers
			s.out.ran(r)
			s.out.status.show(soFar(s.counts(), s.n, time.Since(s.start), s.time))
		})
		if err != nil || ctx.Err() != nil {
			return s.orInterrupted(ctx, err)
		}
		if found == nil {
			break
		}
		r := &finding{Report: drawing(found.Case, found.Outcome), seed: found.Seed}
		s.broken = r.Verdict
		if err := s.repeat(ctx, r, brokenFirst, max(brokenTime, 3*found.Took)); err != nil {
			return s.orInterrupted(ctx, err)
		}
		if r.broken > 0 && s.pairs != nil { // there is nothing in it that could go
			return s.settle(r, s.pairs.Title(r.Verdict), s.pairs.Name(r.Verdict))
		}
		if r.broken > 0 {
			return s.shrink(ctx, r)
		}
		once, s.broken = r, race.Verdict{}
	}
	if once != nil {
		if err := s.show(*once); err != nil {
			return 0, err
		}
		return s.end(exitNotReproducible, fmt.Sprintf("could not reproduce: %s, once and in none of %d runs after it",
			once.Verdict, once.ran)), nil
	}
	if s.pairs != nil {
		return s.end(exitClean, hunt.Tried(s.target.Commands, s.counts()[0].String())), nil
	}
	if s.cases == 0 {
		return 0, &problem{errors.New("no case came to an end in the time there was"), "give -time more, or -v to see more"}
	}
	return s.end(exitClean, "no race"), nil
}

// show writes a finding, of commands with their lines in the place of scripts.
func (s *session) show(f finding) error {
	if s.pairs != nil {
		f.Case = f.Case.Clone()
		for i, line := range s.pairs.Lines {
			f.Case.Actors[i].Script = []string{line}
		}
	}
	return s.out.found(f)
}

// counts are what was run.
func (s *session) counts() []tally {
	if s.pairs != nil {
		return []tally{{s.cases, "tries"}, {s.servers, "commands"}}
	}
	return []tally{{s.cases, "cases"}, {s.servers, "servers"}}
}

// orInterrupted returns err, or if ctx has ended the verdict on that.
func (s *session) orInterrupted(ctx context.Context, err error) (int, error) {
	switch {
	case ctx.Err() == nil:
		return 0, err
	case s.broken.Broken():
		return s.end(exitInterrupted, fmt.Sprintf("interrupted; once: %s", s.broken)), nil
	}
	return s.end(exitInterrupted, "interrupted, no race so far"), nil
}

func (s *session) end(code int, verdict string) int {
	took := time.Duration(0)
	if !s.start.IsZero() {
		took = time.Since(s.start)
	}
	return s.out.end(code, verdict, took, s.counts()...)
}

// repeat runs a broken case again, to see how often it is, until it was broken
// enough times or the time is over. Without a single run nothing changes.
func (s *session) repeat(ctx context.Context, r *finding, enough int, limit time.Duration) error {
	s.out.status.show("running the broken case again")
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	broken, ran, last, err := s.arena.Repeat(limited, s.target, r.Case, runsAgain, enough)
	if err == nil && broken == 0 {
		var more int
		broken, more, last, err = s.arena.Repeat(limited, s.target, r.Case, runsAtMost-ran, 1)
		ran += more
	}
	if ran > 0 {
		r.broken, r.ran = broken, ran
	}
	if broken > 0 {
		r.Report = drawing(r.Case, last)
	}
	if ctx.Err() == nil && limited.Err() != nil {
		return nil
	}
	return err
}

func drawing(c race.Case, o proc.Outcome) report.Report {
	if o.File != "" {
		c = c.Clone()
		c.Options["pidfile"] = strconv.Quote(o.File)
	}
	return report.Report{Case: c, Events: o.Events, Verdict: o.Verdict}
}

// shrink makes a case that breaks again as small as it can in its time, saves
// and shows it. One that is shrunk and does not break any more is not the one.
func (s *session) shrink(ctx context.Context, r *finding) (int, error) {
	s.out.status.show("shrinking")
	whole := *r
	limited, cancel := context.WithTimeout(ctx, shrinkTime)
	defer cancel()
	r.Report = drawing(s.arena.Shrink(limited, s.target, r.Case, proc.Outcome{Events: r.Events, Verdict: r.Verdict}, proc.Tries(r.broken, r.ran)))
	r.broken, r.ran = 1, 1 // the run that is drawn
	if err := s.repeat(ctx, r, runsAgain, rateTime); err != nil && ctx.Err() == nil {
		return 0, err
	}
	if r.broken == 0 {
		*r = whole
	}
	subject := r.Case.Target
	if len(s.command) > 0 {
		subject = commandName(s.command) + "-" + proc.Tier
	}
	return s.settle(r, proc.Title(r.Case, r.Verdict), subject+"-"+strings.ToLower(string(r.Verdict.Invariant)))
}

// settle saves and shows what was found and run again.
func (s *session) settle(r *finding, title, name string) (int, error) {
	r.Case.Title = title
	if err := s.save(r, fmt.Sprintf("%s-%d", name, r.seed), ""); err != nil {
		return 0, err
	}
	if err := s.show(*r); err != nil {
		return 0, err
	}
	return s.end(exitRace, r.Verdict.String()), nil
}

// again runs a saved case until it is broken.
func (s *session) again(ctx context.Context, c race.Case) (int, error) {
	if s.start.IsZero() {
		s.start = time.Now()
	}
	if len(c.Command) > 0 {
		if err := s.arena.Recheck(ctx, c); err != nil {
			return s.orInterrupted(ctx, remedied(err))
		}
	}
	broken, ran, last, err := s.arena.Repeat(ctx, s.target, c, replayRuns, 1)
	if err != nil {
		return s.orInterrupted(ctx, err)
	}
	s.cases, s.servers = ran, last.Servers
	if broken == 0 {
		return s.end(exitNotReproducible, fmt.Sprintf("could not reproduce: no race in %d runs", ran)), nil
	}
	if err := s.show(finding{Report: drawing(c, last), broken: broken, ran: ran}); err != nil {
		return 0, err
	}
	return s.end(exitRace, last.Verdict.String()), nil
}
