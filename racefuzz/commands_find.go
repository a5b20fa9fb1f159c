package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// explore runs the commands in every order within the bounds, first in those
// that are most likely to break something.
func (c commandOptions) explore(ctx context.Context, o options, out *output) (code int, err error) {
	dir, err := os.MkdirTemp("", "racefuzz-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	start := time.Now()
	progress := new(explore.Progress)
	set, err := c.prepare(ctx, dir, progress.Ran)
	if err != nil {
		return 0, err
	}
	if noise := set.Known.Rules.Noise(); len(noise) > 0 {
		out.row("left out, for it differs from run to run: %s", strings.Join(noise, "; "))
	}
	var result trace.Result
	end := func(code int, verdict string) (int, error) {
		return out.end(code, verdict, time.Since(start), tally{result.Schedules, "schedules"}, tally{result.Steps, "steps"}), nil
	}
	if len(set.Shared()) == 0 {
		return end(exitClean, "no race; the commands share no file: there is nothing to race for")
	}
	limited, cancel := o.limit(ctx)
	defer cancel()
	result, err = watchedCommands(out.status, progress, func() (trace.Result, error) { return c.search(limited, set) })
	switch {
	case err != nil:
		return 0, err
	case result.Verdict.Broken():
	case ctx.Err() != nil:
		return end(exitInterrupted, "interrupted, no race so far")
	case limited.Err() != nil && !result.Complete:
		return end(exitClean, "no race, in the time there was"+met(set))
	default:
		return end(exitClean, "no race; "+c.proved(result)+met(set))
	}
	w := explore.Witness{Case: set.Case(), Events: result.Events, Verdict: result.Verdict}
	w.Case.Options = c.settings()
	f, err := c.finding(set, w)
	var diverged *explore.Diverged
	if errors.As(err, &diverged) || errors.Is(err, explore.ErrNotReproduced) {
		return end(exitNotReproducible, fmt.Sprintf("%s: %v", w.Verdict, err))
	}
	if err != nil {
		return 0, err
	}
	found := finding{Report: relevant(set, f), broken: f.Replays, ran: f.Replays}
	var lanes strings.Builder
	if err := report.Lanes(&lanes, found.Report); err != nil {
		return 0, err
	}
	name := strings.Join([]string{"commands", commandName(strings.Fields(c.lines[0])), string(f.Verdict.Invariant)}, "-")
	whole := finding{Report: report.Report{Case: f.Case, Events: f.Events, Verdict: f.Verdict}}
	if err := o.save(&whole, name, lanes.String()); err != nil {
		return 0, err
	}
	found.saved, found.Replay = whole.saved, whole.Replay
	if err := out.found(found); err != nil {
		return 0, err
	}
	return end(exitRace, f.Verdict.String())
}

func (c commandOptions) search(ctx context.Context, set *trace.Commands) (trace.Result, error) {
	first, err := set.Directed(ctx)
	if err != nil || first.Verdict.Broken() {
		return first, err
	}
	rest, err := set.Explore(ctx, trace.Bounds{Preemptions: c.preempt}, c.n)
	rest.Schedules += first.Schedules
	rest.Steps += first.Steps
	return rest, err
}

// watchedCommands is watched for another kind of result.
func watchedCommands(s *status, p *explore.Progress, run func() (trace.Result, error)) (result trace.Result, err error) {
	_, err = watched(s, p, func() (explore.Result, error) {
		result, err = run()
		return explore.Result{}, err
	})
	return result, err
}

// proved says what it means that nothing was found.
func (c commandOptions) proved(r trace.Result) string {
	switch {
	case r.Diverged > 0:
		return fmt.Sprintf("not complete: %s diverged, the first %s", tally{r.Diverged, "schedules"}, r.Divergence)
	case !r.Complete:
		return "not complete within the limit of schedules"
	}
	return fmt.Sprintf("complete: %s, %s, %s", tally{len(c.lines), "commands"}, tally{c.preempt, "preemptions"}, tally{r.Schedules, "schedules"})
}

// met says what else was seen: refusals, files that no order leaves, and
// programs that were left running.
func met(set *trace.Commands) (text string) {
	for _, m := range []struct {
		what  string
		count map[string]int
	}{{"refused", set.Refused}, {"left", set.Left}, {"ended with the schedule", set.Stayed}} {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(m.count)) {
			words = append(words, fmt.Sprintf("%d (%s)", m.count[name], name))
		}
		if len(words) > 0 {
			text += fmt.Sprintf("; %s: %s", m.what, strings.Join(words, ", "))
		}
	}
	return text
}

// replayedOften is how often a witness is replayed before it is reported.
const replayedOften = 3

// finding replays a witness, with the file in which it shows at the right of
// the lanes.
func (c commandOptions) finding(set *trace.Commands, w explore.Witness) (explore.Finding, error) {
	f := explore.Finding{Witness: w, Replays: replayedOften}
	w.Case.Options["pidfile"] = strconv.Quote(lostFile(set, w))
	for range replayedOften {
		again, err := explore.Replay(set, w.Case, race.ScheduleOf(w.Events))
		if err != nil {
			return f, errors.Join(explore.ErrNotReproduced, err)
		}
		if again.Verdict != w.Verdict {
			return f, fmt.Errorf("%w: the same steps, but %s", explore.ErrNotReproduced, again.Verdict)
		}
		f.Witness = again
	}
	return f, nil
}

// lostFile runs a witness once more to see where it shows.
func lostFile(set *trace.Commands, w explore.Witness) string {
	r, err := set.Start(w.Case)
	if err != nil {
		return ""
	}
	defer r.Close()
	for _, e := range w.Events {
		if _, err := r.Do(race.Move{Actor: e.Actor, Op: e.Op}); err != nil {
			break
		}
	}
	return trace.LostFile(r)
}

// relevant is a finding with the steps that people need to see of it.
func relevant(set *trace.Commands, f explore.Finding) report.Report {
	r := report.Report{Case: f.Case.Clone(), Verdict: f.Verdict}
	for i := range r.Case.Actors {
		r.Case.Actors[i].Script = []string{set.Lines[i].Text}
	}
	kept, pair := set.Racing(f.Events, f.Case.PIDFile())
	at := map[int]int{}
	for _, i := range kept {
		at[i] = len(r.Events)
		r.Events = append(r.Events, f.Events[i])
	}
	r.Verdict.Event = at[f.Verdict.Event]
	r.Critical = [2]int{at[pair[0]], at[pair[1]]}
	return r
}

// replayCommands makes the steps of a saved case again.
func replayCommands(ctx context.Context, o options, out *output) (code int, err error) {
	dir, err := os.MkdirTemp("", "racefuzz-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	start := time.Now()
	c, err := commandsOf(o.recording.Case)
	if err != nil {
		return 0, err
	}
	set, err := c.prepare(ctx, dir, nil)
	if err != nil {
		return 0, err
	}
	w, err := explore.Replay(set, o.recording.Case, o.recording.Schedule)
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
	f := explore.Finding{Witness: w}
	if err := out.found(finding{Report: relevant(set, f), broken: 1, ran: 1}); err != nil {
		return 0, err
	}
	return end(exitRace, w.Verdict.String())
}
