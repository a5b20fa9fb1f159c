package main

import (
	"context"
	"errors"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// remedied adds what to do to an error of learning a program.
func remedied(err error) error {
	var ends *race.EndsError
	var stays *program.StopError
	var unclear *race.UnclearError
	var excess *race.ExcessError
	var unready *race.UnreadyError
	switch {
	case errors.As(err, &excess):
		return &problem{err, "try it with less to do: no case may take more of this machine"}
	case errors.As(err, &unclear):
		return &problem{err, "say what a refused start does, as in -losers serve, or with -ready REGEXP what the program prints once it serves"}
	case errors.As(err, &unready):
		return &problem{err, "leave -ready out, and it is ready once it waits"}
	case errors.As(err, &stays):
		return &problem{err, "say how it is stopped, as in -stop term, or -stop COMMAND"}
	case errors.Is(err, race.ErrUntouched):
		return &problem{err, "write {pidfile} or {dir} where the program takes a path; if it has no file at all, say what a refused start does, as in -losers exit; if it asks for input, mind that it gets none"}
	case !errors.As(err, &ends):
		return err
	case ends.Daemon:
		return &problem{err, "tell it to stay in the foreground; on Linux, racefuzz follows it as it is without -random"}
	case ends.Ending == "exit 0":
		return &problem{err, "racefuzz is for servers, which stay until they are stopped; to try a command that ends, let it keep its place, as in sh -c 'COMMAND && cat'"}
	}
	return &problem{err, "run it by hand in an empty directory, with a path for {pidfile}"}
}

// traced is the bounded strategy for programs. What is left of a limit on
// schedules or on time goes to a sample of what lies outside of the bounds.
func traced(ctx context.Context, p explore.Plan) (explore.Result, error) {
	r, err := explore.Bounded(ctx, p)
	if err != nil || r.Witness != nil || !r.Complete {
		return r, err
	}
	return sampled(ctx, p, r)
}

// atOnce is how many schedules are sampled until the time is looked at.
const atOnce = 100

// sampled adds to what is complete a sample of the last case, the largest one,
// until the limit is reached or ctx is done. Without either there is none.
func sampled(ctx context.Context, p explore.Plan, total explore.Result) (explore.Result, error) {
	_, timed := ctx.Deadline()
	p.Cases = p.Cases[len(p.Cases)-1:]
	limit := p.Limit
	for (timed || total.Schedules < limit) && ctx.Err() == nil {
		p.Limit = atOnce
		if limit > 0 {
			p.Limit = min(atOnce, limit-total.Schedules)
		}
		if p.Limit <= 0 {
			break
		}
		r, err := explore.POS(ctx, p)
		if err != nil && ctx.Err() == nil {
			return total, err
		}
		total.Schedules += r.Schedules
		total.Steps += r.Steps
		total.Sampled += r.Schedules
		if r.Witness != nil {
			total.Witness = r.Witness
			break
		}
		p.Seed++
	}
	return total, nil
}
