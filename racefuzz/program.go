package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// memlatch is how the shipped server is run as a program; {server} stands for
// it. Its store is that of a home of the case's own: only with the default one
// is the pid file called server.pid. The store is there, for its uninstall to
// remove, and empty.
var (
	memlatch      = []string{"env", "-u", "MEMLATCH_HOME", "HOME={dir}", "MEMLATCH_RUNTIME_DIR={dir}", "{server}"}
	memlatchStore = []race.File{{Name: ".memlatch", Kind: race.Dir, Perm: 0o700}, {Name: ".memlatch/store", Kind: race.Dir, Perm: 0o700}}
)

// programCases runs the program that is to be explored, to find out what it
// does and promises, and returns the cases to try it with.
func programCases(t trace.Tier, o options, out *output) ([]race.Case, error) {
	p := trace.Program{
		Command: o.command, Files: o.files, Ready: o.ready, Stop: o.stop, Losers: o.losers,
		Probe: strings.Fields(o.probe), Beside: strings.Fields(o.beside),
		PIDFile: o.pidFile, LockFile: o.lockFile, Inject: o.inject, Lenient: o.lenient, Strict: o.strict,
	}
	if o.fails > 0 {
		p.Faults = "all"
	}
	if t.Server != "" {
		p.Command = memlatch
		p.Files = append(slices.Clip(p.Files), memlatchStore...)
		if o.beside == "" {
			p.Beside = append(slices.Clip(memlatch), "uninstall", "-y")
		}
	}
	cases, err := p.Cases(t, o.actors, o.rounds)
	if err != nil {
		return nil, remedied(err)
	}
	for i := range cases {
		if t.Server != "" {
			cases[i].Target = shipped
		}
	}
	out.learned(cases[0].Options)
	return cases, nil
}

// remedied adds what to do to an error of learning a program.
func remedied(err error) error {
	var ends *race.EndsError
	switch {
	case errors.Is(err, race.ErrUntouched):
		return &problem{err, "write {pidfile} or {dir} where the program takes a path; if it has no file at all, say what a refused start does, as in -losers exit"}
	case !errors.As(err, &ends):
		return err
	case ends.Daemon:
		return &problem{err, "tell it to stay in the foreground; on Linux, -tier syscall follows it as it is"}
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
