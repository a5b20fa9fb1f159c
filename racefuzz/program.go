package main

import (
	"context"

	"github.com/memlatch/memlatch/racefuzz/explore"
	"github.com/memlatch/memlatch/racefuzz/race"
	"github.com/memlatch/memlatch/racefuzz/trace"
)

// learn runs the program that is to be explored, to find out what it does and
// promises, and returns the cases to try it with.
func learn(o options, out *output) ([]race.Case, error) {
	p := trace.Program{
		Command: o.command, Files: o.files, Ready: o.ready, Stop: o.stop, Losers: o.losers,
		PIDFile: o.pidFile, LockFile: o.lockFile, Inject: o.inject, Lenient: o.lenient, Strict: o.strict,
	}
	cases, err := p.Cases(o.actors, o.rounds)
	if err == nil && len(cases) > 0 {
		out.learned(cases[0].Options)
	}
	return cases, err
}

// traced is the bounded strategy for programs, which knows more about them
// than [explore.Bounded] does.
func traced(ctx context.Context, p explore.Plan) (explore.Result, error) {
	total := explore.Result{Complete: true}
	bounds := trace.Bounds{Preemptions: p.Bounds.Preemptions, Crashes: p.Bounds.Crashes, Faults: p.Bounds.Faults}
	for _, c := range p.Cases {
		limit := 0
		if p.Limit > 0 {
			if limit = p.Limit - total.Schedules; limit <= 0 {
				total.Complete = false
				break
			}
		}
		r, err := p.Tier.(trace.Tier).Explore(ctx, c, bounds, limit, p.Workers)
		if err != nil {
			return total, err
		}
		total.Schedules += r.Schedules
		total.Complete = total.Complete && r.Complete
		p.Progress.Schedules.Add(int64(r.Schedules))
		if r.Verdict.Broken() {
			total.Complete = false
			total.Witness = &explore.Witness{Case: c, Events: r.Events, Verdict: r.Verdict}
			break
		}
	}
	return total, nil
}
