package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
	"github.com/memlatch/memlatch/racefuzz/internal/stage"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// strategies are the ways to choose schedules, by name.
var strategies = map[string]func(context.Context, explore.Plan) (explore.Result, error){
	"bounded":    explore.Bounded,
	"exhaustive": explore.Exhaustive,
	"pos":        explore.POS,
	"random":     explore.Random,
}

// steps is the tiers in which actors move one at a time: those of the lock's
// protocol, and that of whole programs. It explores, or replays what was
// recorded.
func steps(ctx context.Context, o options, out *output) (code int, err error) {
	if _, ok := mutant.Lookup(o.target); !ok && o.tier != tierSyscall {
		return 0, &problem{fmt.Errorf("no target %q in tier %s", o.target, o.tier), "run 'racefuzz -list' for their names"}
	}
	dir, err := os.MkdirTemp("", "racefuzz-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tier, closeTier, err := o.steppingTier(ctx, dir, out)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeTier()) }()
	if o.replay != "" {
		return replaySteps(tier, o, out)
	}
	cases := o.cases()
	strategy := strategies[o.strategy]
	if o.tier == tierSyscall {
		if cases, err = programCases(tier.(trace.Tier), o, out); err != nil {
			return 0, err
		}
		if o.strategy == "bounded" {
			strategy = traced
		}
	}
	p := explore.Plan{
		Tier:     tier,
		Cases:    cases,
		Bounds:   explore.Bounds{Preemptions: o.preempt, Crashes: o.crash, Faults: o.fails},
		Limit:    o.n,
		Seed:     o.seed,
		Workers:  o.workers,
		Progress: new(explore.Progress),
	}
	start := time.Now()
	limited, cancel := o.limit(ctx)
	defer cancel()
	result, err := watched(out.status, p.Progress, func() (explore.Result, error) {
		return strategy(limited, p)
	})
	end := func(code int, verdict string) (int, error) {
		return out.end(code, verdict, time.Since(start), tally{result.Schedules, "schedules"}, tally{result.Steps, "steps"}), nil
	}
	switch {
	case result.Witness != nil: // whatever came after it
	case ctx.Err() != nil:
		return end(exitInterrupted, "interrupted, no race so far"+reached(p, result))
	case limited.Err() != nil && !result.Complete:
		return end(exitClean, "no race, in the time there was"+reached(p, result))
	case err != nil:
		return 0, err
	default:
		proved := o.proved(p, result)
		if holes := out.holes(); len(holes) > 0 && !strings.HasPrefix(proved, "not complete") {
			proved = "not complete: " + strings.Join(holes, ", ")
		}
		return end(exitClean, "no race; "+proved)
	}
	out.status.show("shrinking")
	shrinking, done := context.WithTimeout(ctx, shrinkTime)
	defer done()
	f, err := explore.Explain(shrinking, p, *result.Witness)
	if errors.Is(err, explore.ErrNotReproduced) {
		return end(exitNotReproducible, fmt.Sprintf("%s: %v", f.Verdict, err))
	}
	if err != nil {
		return 0, err
	}
	if err := o.show(out, f); err != nil {
		return 0, err
	}
	return end(exitRace, f.Verdict.String())
}

// steppingTier returns the tier, which keeps its files below dir.
func (o options) steppingTier(ctx context.Context, dir string, out *output) (tier race.Tier, close func() error, err error) {
	switch o.tier {
	case tierSyscall:
		t := trace.Tier{Dir: dir, Noticed: out.noticed}
		if o.target == shipped {
			built, took, err := o.find(ctx, shipped, dir)
			if err != nil {
				return nil, nil, err
			}
			out.built(took)
			t.Server = built.Path
		}
		return t, func() error { return nil }, nil
	case tierKernel:
		t := stage.Kernel(dir)
		return t, t.Close, nil
	default:
		t := stage.Model()
		return t, t.Close, nil
	}
}

func (o options) cases() []race.Case {
	rules := o.rules
	if o.tier == tierKernel {
		rules = ""
	}
	if o.actors == 0 && o.rounds == 0 {
		return stage.Cases(o.target, o.tier, rules)
	}
	return stage.Servers(o.target, o.tier, rules, max(o.actors, 2), max(o.rounds, 1))
}

// limit ends a context after the time there is, if that is limited.
func (o options) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.time > 0 {
		return context.WithTimeout(ctx, o.time)
	}
	return context.WithCancel(ctx)
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
func (o options) proved(p explore.Plan, r explore.Result) string {
	switch {
	case o.sampled():
		return "sampled with strategy " + o.strategy
	case r.Diverged > 0:
		return fmt.Sprintf("not complete: %s diverged, the first %s", tally{r.Diverged, "schedules"}, r.Divergence)
	case !r.Complete:
		return "not complete within the limit of schedules" + reached(p, r)
	}
	actors, faulty := 0, 0 // of the cases whose calls can fail
	for _, c := range p.Cases {
		actors = max(actors, len(c.Actors))
		if c.Options[stage.OptionFaults] != "" {
			faulty = max(faulty, len(c.Actors))
		}
	}
	beside := ""
	if o.tier == tierSyscall { // others beside them are not counted
		actors = o.actors
		switch {
		case o.beside != "":
			beside = " and a command"
		case o.target == shipped:
			beside = " and an uninstall"
		}
		if o.probe != "" {
			beside += " and a probe"
		}
	}
	words := []string{"complete: " + tally{actors, "actors"}.String() + beside}
	if o.rounds > 1 || o.tier == tierSyscall {
		words = append(words, tally{o.rounds, "rounds"}.String())
	}
	bounds := p.Bounds.String()
	switch {
	case o.tier == tierSyscall || p.Bounds.Faults == 0:
	case faulty == 0:
		bounds, _, _ = strings.Cut(bounds, ", or ")
	case faulty < actors:
		bounds += fmt.Sprintf(" among %d actors", faulty)
	}
	if o.strategy == "exhaustive" {
		_, bounds, _ = strings.Cut(bounds, ", ")
		bounds = "any preemptions, " + bounds
	}
	words = append(words, bounds)
	switch o.tier {
	case tierModel:
		words = append(words, o.rules+" rules")
	case tierKernel:
		words = append(words, "the real file system")
	}
	if r.Sampled > 0 {
		words = append(words, tally{r.Sampled, "schedules"}.String()+" sampled beyond that")
	}
	return strings.Join(words, ", ")
}

// reached adds how far an exploration came that was stopped, if it can tell.
func reached(p explore.Plan, r explore.Result) string {
	if text := p.Reached(r); text != "" {
		return "; " + text
	}
	return ""
}

// show saves a finding and writes it.
func (o options) show(out *output, f explore.Finding) error {
	found := finding{
		Report: report.Report{Case: f.Case, Events: f.Events, Verdict: f.Verdict, Critical: f.Critical},
		broken: f.Replays, ran: f.Replays,
	}
	var lanes strings.Builder
	if err := report.Lanes(&lanes, found.Report); err != nil {
		return err
	}
	subject := f.Case.Target
	if o.tier == tierSyscall {
		subject = commandName(o.command)
		found.Case.Title = fmt.Sprintf("%s: %s", strings.Join(o.command, " "), f.Verdict)
	}
	name := strings.Join([]string{subject, strings.ToLower(string(f.Verdict.Invariant)), f.Case.Tier}, "-")
	if err := o.save(&found, name, lanes.String()); err != nil {
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

// replaySteps makes the steps of a recorded schedule again.
func replaySteps(tier race.Tier, o options, out *output) (int, error) {
	start := time.Now()
	w, err := explore.Replay(tier, o.recording.Case, o.recording.Schedule)
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
