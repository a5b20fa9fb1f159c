package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
)

// search is a run of a mode in which actors move one at a time.
type search struct {
	*common
	out      *output
	plan     explore.Plan
	strategy string
	look     func(context.Context, explore.Plan) (explore.Result, error)
	complete func(explore.Result) []string // what was tried when all was, in words
	start    time.Time
	steps    int
}

// lateness is how long a finding may be shrunk and replayed when the time for
// exploring is over.
const lateness = time.Second

// run explores as long as limited lasts, and explains what it finds.
func (s *search) run(ctx, limited context.Context) (int, error) {
	if s.plan.Progress == nil {
		s.plan.Progress = new(explore.Progress)
	}
	s.start = time.Now()
	result, err := watched(s.out.status, s.plan.Progress, func() (explore.Result, error) {
		return s.look(limited, s.plan)
	})
	end := func(code int, verdict string) (int, error) {
		return s.out.end(code, verdict, time.Since(s.start), tally{result.Schedules, "schedules"}, tally{result.Steps, "steps"}), nil
	}
	switch {
	case result.Witness != nil: // whatever came after it
	case ctx.Err() != nil:
		return end(exitInterrupted, "interrupted, no race so far"+reached(s.plan, result))
	case limited.Err() != nil && !result.Complete:
		return end(exitClean, unfinished(result)+reached(s.plan, result))
	case err != nil:
		return 0, err
	default:
		proved := s.proved(result)
		if holes := s.out.holes(); len(holes) > 0 && !strings.HasPrefix(proved, "not complete") {
			proved = "not complete: " + strings.Join(holes, ", ")
		}
		return end(exitClean, "no race; "+proved)
	}
	s.out.status.show("shrinking")
	until := time.Now().Add(shrinkTime)
	if end, timed := limited.Deadline(); timed && end.Add(lateness).Before(until) {
		until = end.Add(lateness)
	}
	shrinking, done := context.WithDeadline(ctx, until)
	defer done()
	f, err := explore.Explain(shrinking, s.plan, *result.Witness)
	if errors.Is(err, explore.ErrNotReproduced) {
		return end(exitNotReproducible, fmt.Sprintf("%s: %v", f.Verdict, err))
	}
	if err != nil {
		return 0, err
	}
	if err := s.show(s.out, f); err != nil {
		return 0, err
	}
	return end(exitRace, f.Verdict.String())
}

// watched shows the progress of an exploration while it runs.
func watched(s *status, p *explore.Progress, run func() (explore.Result, error)) (result explore.Result, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		result, err = run()
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-done:
			return result, err
		case <-tick.C:
			n := p.Steps.Load()
			s.show(fmt.Sprintf("%d schedules, %d steps, %.0f steps/s%s", p.Schedules.Load(), n, float64(n)/time.Since(start).Seconds(), p.Rest()))
		}
	}
}

// proved says what it means that nothing was found.
func (s *search) proved(r explore.Result) string {
	switch {
	case drawsSchedules(s.strategy):
		return "sampled with strategy " + s.strategy
	case r.Diverged > 0:
		return fmt.Sprintf("not complete: %s diverged, the first %s", tally{r.Diverged, "schedules"}, r.Divergence)
	case !r.Complete:
		return "not complete within the limit of schedules" + reached(s.plan, r)
	}
	words := s.complete(r)
	if r.Sampled > 0 {
		words = append(words, tally{r.Sampled, "schedules"}.String()+" sampled beyond that")
	}
	return "complete: " + strings.Join(words, ", ")
}

// unfinished says that nothing was found in the time there was, and what helps.
func unfinished(r explore.Result) string {
	return fmt.Sprintf("not finished: nothing found in %s; more -time goes further, and lower bounds end sooner", tally{r.Schedules, "schedules"})
}

// reached adds how far an exploration came that was stopped, if it can tell.
func reached(p explore.Plan, r explore.Result) string {
	if text := p.Reached(r); text != "" {
		return "; proved so far: " + text
	}
	return ""
}

// show saves a finding and writes it.
func (c *common) show(out *output, f explore.Finding) error {
	found := finding{
		Report: report.Report{Case: f.Case, Events: f.Events, Verdict: f.Verdict, Critical: f.Critical},
		broken: f.Replays, ran: f.Replays,
	}
	var lanes strings.Builder
	if err := report.Lanes(&lanes, found.Report); err != nil {
		return err
	}
	subject := f.Case.Target
	if len(f.Case.Command) > 0 {
		if f.Case.Target != shipped {
			subject = commandName(f.Case.Command)
		}
		found.Case.Title = fmt.Sprintf("%s: %s", f.Case.Target, f.Verdict)
	}
	name := strings.Join([]string{subject, strings.ToLower(string(f.Verdict.Invariant)), f.Case.Tier}, "-")
	if err := c.save(&found, name, lanes.String()); err != nil {
		return err
	}
	return out.found(found)
}

// commandName returns the last word of a command that may be a file's name, to
// name by it what is saved.
func commandName(command []string) string {
	name := filepath.Base(command[0])
	for _, w := range command[1:] {
		_, notNumber := strconv.Atoi(w)
		if notNumber != nil && !strings.HasPrefix(w, "-") && !strings.Contains(w, "{") {
			name = filepath.Base(w)
		}
	}
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// again makes the steps of a recorded schedule again.
func again(tier race.Tier, recorded race.Recording, out *output) (int, error) {
	start := time.Now()
	w, err := explore.Replay(tier, recorded.Case, recorded.Schedule)
	end := func(code int, verdict string) (int, error) {
		return out.end(code, verdict, time.Since(start), tally{1, "schedules"}, tally{len(w.Events), "steps"}), nil
	}
	var diverged *explore.Diverged
	switch {
	case errors.As(err, &diverged):
		return end(exitNotReproducible, "could not reproduce: "+diverged.Error())
	case err != nil:
		return 0, err
	case !w.Verdict.Broken():
		return end(exitNotReproducible, "could not reproduce: no race")
	}
	again := report.Report{Case: w.Case, Events: w.Events, Verdict: w.Verdict, Critical: explore.Critical(tier, w)}
	if err := out.found(finding{Report: again, broken: 1, ran: 1}); err != nil {
		return 0, err
	}
	return end(exitRace, w.Verdict.String())
}
