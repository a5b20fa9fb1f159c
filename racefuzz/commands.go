package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/hunt"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
)

const commandsUsage = `Racefuzz commands finds races between commands that share files.

Usage:
    racefuzz commands [flags] COMMAND COMMAND [COMMAND [COMMAND]]

Each COMMAND is one command line, quoted; the same one may be given twice. They
run in a directory that is their home and working directory ({dir} in a command
stands for it), one step at a time, in every order. The files and exit codes in
the end must be those of some order in which each ran to its end; a command that
fails may count as one that never ran. A file that a command names is found from
here, unless the command needs a shell.

Flags:
    -setup COMMAND  run once before, to make what the commands need; may be given
                    more than once
    -file PATH      put a copy of a file into the directory first; likewise
    -ignore GLOB    leave files out of the comparison; likewise
    -strict         a command that fails only because another runs is a finding
    -preempt N      preemptions in a schedule, at most (default 2)
    -n N            schedules, at most (default: no limit)
    -time D         stop after a duration such as 10m
    -save DIR       where to save what breaks (default testdata/races in the
                    module, or else in the working directory)
    -html FILE      also write what breaks as a page to step through
    -json           write JSON, one object a line
    -q              write little besides the verdict

Exit codes: 0 no race was found, 1 a race was found, 2 wrong usage, or a command
that cannot be tried, 3 the commands do not do the same twice, or what broke
could not be reproduced, or programs may not be traced here, 130 interrupted.

Examples:
    racefuzz commands 'go env -w GOPROXY=off' 'go env -w GOSUMDB=off'
    racefuzz commands -setup 'git init -q' 'git tag a' 'git tag b'
`

// texts is a flag that may be given more than once.
type texts []string

func (l *texts) String() string { return strings.Join(*l, " ") }

func (l *texts) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func parseCommands(args []string) (h hunt.Options, o options, err error) {
	f := flag.NewFlagSet("racefuzz commands", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Var((*texts)(&h.Setup), "setup", "")
	f.Var((*texts)(&h.Files), "file", "")
	f.Var((*texts)(&h.Ignore), "ignore", "")
	f.BoolVar(&h.Strict, "strict", false, "")
	f.IntVar(&h.Preempt, "preempt", 2, "")
	f.IntVar(&h.Limit, "n", 0, "")
	f.DurationVar(&o.time, "time", 0, "")
	f.StringVar(&o.saveDir, "save", filepath.Join(moduleRoot(), "testdata", "races"), "")
	f.StringVar(&o.html, "html", "", "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.q, "q", false, "")
	if err := f.Parse(args); err != nil {
		return h, o, err
	}
	h.Lines = f.Args()
	o.tier, o.target = tierSyscall, "commands"
	if o.time < 0 {
		return h, o, errors.New("-time cannot be negative")
	}
	return h, o, h.Check()
}

// runCommands is the mode "commands": it returns the exit code.
func runCommands(args []string, stdout, stderr io.Writer) int {
	h, o, err := parseCommands(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, commandsUsage)
		return exitClean
	}
	if err == nil {
		err = o.writable()
	}
	if err != nil {
		return fail(stderr, &problem{err, "run 'racefuzz commands -help' for the usage"})
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := newOutput(o, stdout, stderr)
	if o.json {
		out.object("start", map[string]any{"commands": h.Lines, "setup": h.Setup, "tier": o.tier})
	} else {
		var words []string
		for _, arg := range args {
			words = append(words, word(arg))
		}
		out.text("racefuzz commands %s", strings.Join(words, " "))
	}
	code, err := huntFor(ctx, h, o, out)
	if err != nil {
		return failCommands(stderr, err)
	}
	return code
}

// failCommands says why the commands cannot be tried.
func failCommands(stderr io.Writer, err error) int {
	var differs *commands.Unrepeatable
	var refusal *commands.Refusal
	switch {
	case errors.As(err, &differs):
		fail(stderr, &problem{err, "leave the file out with -ignore FILE if it does not matter"})
		return exitNotReproducible
	case errors.As(err, &refusal):
		return fail(stderr, &problem{err, refusal.Remedy})
	case errors.Is(err, errors.ErrUnsupported):
		return fail(stderr, &problem{errors.New("commands can be stopped at their system calls on Linux only"), "run it there"})
	}
	return fail(stderr, err)
}

// huntFor explores the commands, and saves and shows what it finds.
func huntFor(ctx context.Context, h hunt.Options, o options, out *output) (code int, err error) {
	dir, err := os.MkdirTemp("", "racefuzz-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	start := time.Now()
	progress := new(explore.Progress)
	set, err := h.Prepare(ctx, dir)
	if err != nil {
		return 0, err
	}
	if noise := set.Known.Rules.Noise(); len(noise) > 0 && !o.q {
		out.row("left out, for it differs from run to run: %s", strings.Join(noise, "; "))
	}
	var result explore.Result
	end := func(code int, verdict string) (int, error) {
		return out.end(code, verdict, time.Since(start), tally{result.Schedules, "schedules"}, tally{result.Steps, "steps"}), nil
	}
	if len(set.Shared()) == 0 {
		return end(exitClean, "no race; the commands share no file: there is nothing to race for")
	}
	limited, cancel := o.limit(ctx)
	defer cancel()
	result, err = watched(out.status, progress, func() (explore.Result, error) { return h.Search(limited, set, progress) })
	switch {
	case err != nil:
		return 0, err
	case result.Witness != nil:
	case ctx.Err() != nil:
		return end(exitInterrupted, "interrupted, no race so far")
	default:
		return end(exitClean, "no race; "+h.Proved(set, result))
	}
	f, err := h.Find(set, *result.Witness)
	if errors.Is(err, explore.ErrNotReproduced) {
		return end(exitNotReproducible, fmt.Sprintf("%s: %v", f.Verdict, err))
	}
	if err == nil {
		err = showFound(o, out, f)
	}
	if err != nil {
		return 0, err
	}
	return end(exitRace, f.Verdict.String())
}

// showFound saves a finding and writes it.
func showFound(o options, out *output, f hunt.Finding) error {
	var lanes strings.Builder
	if err := report.Lanes(&lanes, f.Report); err != nil {
		return err
	}
	found := finding{Report: f.Report, broken: f.Ran, ran: f.Ran, saved: f.Path(o.saveDir)}
	found.Replay = o.replayCommand(found.saved)
	if err := os.MkdirAll(o.saveDir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(found.saved, f.Recording(lanes.String()).Format(), 0o644); err != nil {
		return err
	}
	return out.found(found)
}

// replayCommands makes the steps of a saved case again.
func replayCommands(ctx context.Context, o options, out *output) (code int, err error) {
	dir, err := os.MkdirTemp("", "racefuzz-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	start := time.Now()
	h, err := hunt.OptionsOf(o.recording.Case)
	if err != nil {
		return 0, err
	}
	set, err := h.Prepare(ctx, dir)
	if err != nil {
		return 0, err
	}
	w, err := hunt.Replay(set, o.recording.Case)
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
