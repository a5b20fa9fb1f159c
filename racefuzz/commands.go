package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/hunt"
	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

const commandsMode = "commands"

const commandsManual = `Usage: racefuzz commands [flags] COMMAND COMMAND [COMMAND [COMMAND]]

Finds races between commands that share files.

Each COMMAND is one command line, quoted; the same one may be given twice. They
run in a directory that is their home and working directory ({dir} in a command
stands for it), one step at a time, in every order. The files and exit codes in
the end must be those of some order in which each ran to its end; a command that
fails may count as one that never ran. A file that a command names is found from
here, unless the command needs a shell.

Flags:
    -setup COMMAND  run once before, to make what the commands need; may be
                    given more than once
    -file PATH      put a copy of a file into the directory first; likewise
    -ignore GLOB    leave files out of the comparison; likewise
    -strict         a command that fails only because another runs is a finding
    -random         start them together at drawn moments, again and again, and
                    do not stop them; so it is done without Linux. -seed S draws
                    the same again
    -n N            schedules at most (default: no limit), with -random tries
                    (default 200), and -time D a duration such as 10m at most
    -save DIR       where to save what breaks (default testdata/races)
    -html FILE      also write what breaks as a page to step through
    -json, -q       write JSON, one object a line, or little besides the verdict
And without -random:
    -in PATH        watch a file or directory elsewhere too; likewise
    -stacks         write the program's stacks at the steps that are marked
    -read COMMAND   says what is in the directory, run after every change: it
                    must find what is there before or after a command
    -preempt N      preemptions in a schedule (default 2), -crash 1 also kills
                    each command before each of its changes and runs it again

Exit codes: 0 no race was found, 1 a race was found, 2 wrong usage, or a command
that cannot be tried, 3 the commands do not do the same twice, or what broke
could not be reproduced, or programs may not be traced here, 130 interrupted.

Examples:
    racefuzz commands 'go env -w GOPROXY=off' 'go env -w GOSUMDB=off'
    racefuzz commands -setup 'git init -q' 'git tag a' 'git tag b'
`

// commandsJob is the mode in which commands run that share files.
type commandsJob struct {
	common
	hunt   hunt.Options
	random bool
}

func (j *commandsJob) flags(f *flag.FlagSet) {
	j.reports(f)
	j.keeps(f)
	f.Var((*paths)(&j.hunt.Setup), "setup", "")
	f.Var((*paths)(&j.hunt.Files), "file", "")
	f.Var((*paths)(&j.hunt.In), "in", "")
	f.Var((*paths)(&j.hunt.Ignore), "ignore", "")
	f.StringVar(&j.hunt.Read, "read", "", "")
	f.BoolVar(&j.hunt.Strict, "strict", false, "")
	f.BoolVar(&j.stacks, "stacks", false, "")
	f.IntVar(&j.hunt.Preempt, "preempt", 2, "")
	f.IntVar(&j.hunt.Crash, "crash", 0, "")
	f.IntVar(&j.n, "n", 0, "")
	f.Uint64Var(&j.seed, "seed", 0, "")
	f.BoolVar(&j.random, "random", runtime.GOOS != "linux", "")
}

// notTogether are the flags that are for commands that are stopped at their
// system calls.
var notTogether = []string{"in", "stacks", "read", "preempt", "crash"}

func (j *commandsJob) check(given map[string]bool, words, command []string) error {
	j.tier, j.target = trace.Name, commandsTarget
	j.unseeded = !j.random
	j.hunt.Lines, j.hunt.Limit = append(words, command...), j.n
	if j.random {
		j.tier = proc.Tier
		if !given["n"] && !given["time"] {
			j.n = hunt.Tries
		}
	}
	for _, name := range notTogether {
		if given[name] && j.random {
			return &problem{fmt.Errorf("-%s is for commands without -random", name), "leave it out, or run it on Linux without -random"}
		}
	}
	if given["seed"] && !j.random {
		return errors.New("-seed is for commands with -random")
	}
	if err := j.hunt.Check(); err != nil {
		return err
	}
	return j.writable()
}

// commandsTarget is the target of a case of commands.
const commandsTarget = "commands"

func (j *commandsJob) run(ctx context.Context, out *output) (int, error) {
	out.begin()
	if j.random {
		return withSession(&j.common, out, func(s *session) (int, error) {
			limited, cancel := j.limit(ctx)
			defer cancel()
			code, ended, err := s.pair(ctx, limited, j.hunt)
			if ended || err != nil {
				return code, err
			}
			return s.fuzz(ctx, limited, j.hunt.Draw)
		})
	}
	return explained(inTemp(func(dir string) (int, error) { return j.find(ctx, dir, out) }))
}

// pair prepares the session for commands, unless one of the contexts ends first.
func (s *session) pair(ctx, limited context.Context, o hunt.Options) (code int, ended bool, err error) {
	s.start, s.pairs = time.Now(), &o
	s.target.Name = commandsTarget
	s.target.Commands, err = o.Together(limited, s.arena)
	if code, ended := s.out.unlearned(ctx, limited, s.start, "each command", "tries"); ended {
		return code, true, nil
	}
	if err != nil {
		_, err = explained(0, err)
		return 0, false, err
	}
	s.out.leftOut(s.target.Commands.Known)
	return 0, false, nil
}

// leftOut says what is not compared.
func (o *output) leftOut(known *commands.Known) {
	if noise := known.Rules.Noise(); len(noise) > 0 && !o.q {
		o.row("left out, for it differs from run to run: %s", strings.Join(noise, "; "))
	}
}

// explained adds to an error of commands what to do.
func explained(code int, err error) (int, error) {
	var differs *commands.Unrepeatable
	var refusal *commands.Refusal
	switch {
	case errors.As(err, &differs):
		err = &problem{err, "leave the file out with -ignore FILE if it does not matter"}
	case errors.As(err, &refusal):
		err = &problem{err, refusal.Remedy}
	case errors.Is(err, errors.ErrUnsupported):
		err = &problem{errors.New("commands can be stopped at their system calls on Linux only"), "run it there, or with -random"}
	case errors.Is(err, trace.ErrForbidden):
		err = &problem{err, "run it with -random, which needs no tracing"}
	}
	return code, err
}

// find explores the commands in dir, and saves and shows what it finds.
func (j *commandsJob) find(ctx context.Context, dir string, out *output) (code int, err error) {
	h := j.hunt
	start := time.Now()
	progress := new(explore.Progress)
	limited, cancel := j.limit(ctx)
	defer cancel()
	set, err := h.Prepare(limited, dir, j.writes()...)
	if code, ended := out.unlearned(ctx, limited, start, "each command", "schedules"); ended {
		return code, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, set.Place.PutBack()) }()
	for _, sentence := range set.Place.Aside() {
		out.row("until the end %s", sentence)
	}
	out.leftOut(set.Known)
	if outside := set.Elsewhere(); len(outside) > 0 {
		out.row("outside of the directory, where a race is not seen, they share %s; -in PATH takes it in", strings.Join(outside, ", "))
	}
	var result explore.Result
	end := func(code int, verdict string) (int, error) {
		return out.end(code, verdict, time.Since(start), tally{result.Schedules, "schedules"}, tally{result.Steps, "steps"}), nil
	}
	if len(set.Shared()) == 0 {
		return end(exitClean, "no race; the commands share no file: there is nothing to race for")
	}
	result, err = watched(out.status, progress, func() (explore.Result, error) { return h.Search(limited, set, progress) })
	set.Done = ctx.Done()
	switch {
	case result.Witness != nil:
	case ctx.Err() != nil:
		return end(exitInterrupted, "interrupted, no race so far")
	case err != nil && limited.Err() == nil:
		return 0, err
	case limited.Err() != nil && !result.Complete:
		return end(exitClean, unfinished(result))
	default:
		return end(exitClean, "no race; "+h.Proved(set, result))
	}
	set.Stacks = j.stacks
	f, err := h.Find(set, *result.Witness)
	if errors.Is(err, explore.ErrNotReproduced) {
		return end(exitNotReproducible, fmt.Sprintf("%s: %v", f.Verdict, err))
	}
	if err == nil {
		err = j.showFound(out, f)
	}
	if err != nil {
		return 0, err
	}
	return end(exitRace, f.Verdict.String())
}

// showFound saves a finding and writes it.
func (c *common) showFound(out *output, f hunt.Finding) error {
	var lanes strings.Builder
	if err := report.Lanes(&lanes, f.Report); err != nil {
		return err
	}
	found := finding{Report: f.Report, broken: f.Ran, ran: f.Ran, saved: f.Path(c.saveDir)}
	found.Replay = c.replayCommand(found.saved)
	if err := os.MkdirAll(c.saveDir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(found.saved, f.Recording(lanes.String()).Format(), 0o644); err != nil {
		return err
	}
	return out.found(found)
}

// replayTogether runs a saved case of commands with random timing until it breaks.
func replayTogether(ctx context.Context, c *common, recorded race.Recording, out *output) (int, error) {
	o, err := hunt.OptionsOf(recorded.Case)
	if err != nil {
		return 0, err
	}
	return withSession(c, out, func(s *session) (int, error) {
		limited, cancel := c.limit(ctx)
		defer cancel()
		code, ended, err := s.pair(ctx, limited, o)
		if ended || err != nil {
			return code, err
		}
		return s.again(limited, recorded.Case)
	})
}

// replayCommands makes the steps of a saved case again, in dir.
func replayCommands(ctx context.Context, dir string, recorded race.Recording, out *output) (code int, err error) {
	start := time.Now()
	h, err := hunt.OptionsOf(recorded.Case)
	if err != nil {
		return 0, err
	}
	set, err := h.Prepare(ctx, dir, out.writes()...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, set.Place.PutBack()) }()
	set.Stacks = out.stacks
	w, err := hunt.Replay(set, recorded.Case)
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
	if err := out.found(finding{Report: hunt.Show(set, w), broken: 1, ran: 1}); err != nil {
		return 0, err
	}
	return end(exitRace, w.Verdict.String())
}
