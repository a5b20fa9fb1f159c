package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/content"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
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

// commandOptions are the flags of the mode.
type commandOptions struct {
	setup, files, ignore texts
	strict               bool
	preempt, n           int
	time                 time.Duration
	lines                []string
}

// texts is a flag that may be given more than once.
type texts []string

func (l *texts) String() string { return strings.Join(*l, " ") }

func (l *texts) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func parseCommands(args []string) (c commandOptions, o options, err error) {
	f := flag.NewFlagSet("racefuzz commands", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Var(&c.setup, "setup", "")
	f.Var(&c.files, "file", "")
	f.Var(&c.ignore, "ignore", "")
	f.BoolVar(&c.strict, "strict", false, "")
	f.IntVar(&c.preempt, "preempt", 2, "")
	f.IntVar(&c.n, "n", 0, "")
	f.DurationVar(&c.time, "time", 0, "")
	f.StringVar(&o.saveDir, "save", filepath.Join(moduleRoot(), "testdata", "races"), "")
	f.StringVar(&o.html, "html", "", "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.q, "q", false, "")
	if err := f.Parse(args); err != nil {
		return c, o, err
	}
	c.lines = f.Args()
	o.tier, o.target, o.time = tierSyscall, "commands", c.time
	return c, o, c.check()
}

func (c commandOptions) check() error {
	if len(c.lines) < 2 || len(c.lines) > 4 {
		return fmt.Errorf("%s given, want two to four, each quoted as one argument", tally{len(c.lines), "commands"})
	}
	if c.preempt < 0 || c.n < 0 || c.time < 0 {
		return errors.New("-preempt, -n and -time cannot be negative")
	}
	for _, glob := range c.ignore {
		if err := content.CheckGlob(glob); err != nil {
			return err
		}
	}
	return nil
}

// settings are the options that a saved case needs to be run again.
func (c commandOptions) settings() map[string]string {
	quoted := map[string]string{}
	for i, line := range c.lines {
		quoted["line."+race.ActorName(i)] = strconv.Quote(line)
	}
	for name, values := range map[string]texts{"setup": c.setup, "file": c.files, "ignore": c.ignore} {
		for i, value := range values {
			quoted[fmt.Sprintf("%s.%d", name, i+1)] = strconv.Quote(value)
		}
	}
	if c.strict {
		quoted["strict"] = strconv.Quote("yes")
	}
	return quoted
}

// commandsOf is the opposite of settings.
func commandsOf(of race.Case) (c commandOptions, err error) {
	for _, name := range slices.Sorted(maps.Keys(of.Options)) {
		value, err := strconv.Unquote(of.Options[name])
		if err != nil {
			return c, fmt.Errorf("option %s: %w", name, err)
		}
		switch kind, _, _ := strings.Cut(name, "."); kind {
		case "line":
			c.lines = append(c.lines, value)
		case "setup":
			c.setup = append(c.setup, value)
		case "file":
			c.files = append(c.files, value)
		case "ignore":
			c.ignore = append(c.ignore, value)
		case "strict":
			c.strict = true
		case "pidfile":
		default:
			return c, fmt.Errorf("no option %q", name)
		}
	}
	return c, c.check()
}

// runCommands is the mode "commands": it returns the exit code.
func runCommands(args []string, stdout, stderr io.Writer) int {
	c, o, err := parseCommands(args)
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
	out.text("racefuzz commands %s", strings.Join(args, " "))
	code, err := c.explore(ctx, o, out)
	var differs *commands.Unrepeatable
	var refusal *commands.Refusal
	switch {
	case errors.As(err, &differs):
		fail(stderr, &problem{err, "leave the file out with -ignore FILE if it does not matter"})
		return exitNotReproducible
	case errors.As(err, &refusal):
		return fail(stderr, &problem{err, refusal.Remedy})
	case err != nil:
		return fail(stderr, err)
	}
	return code
}

// prepare makes the place with all that the commands need, runs them one after
// the other and learns from that how to judge.
func (c commandOptions) prepare(ctx context.Context, dir string, ran func(int)) (*trace.Commands, error) {
	var lines []commands.Line
	for _, text := range c.lines {
		l, err := resolved(text)
		if err != nil {
			return nil, &problem{err, "name a program that is installed, or the path of a file"}
		}
		lines = append(lines, l)
	}
	set, err := trace.NewCommands(trace.Tier{Dir: dir, Ran: ran}, lines)
	if err != nil {
		return nil, err
	}
	set.Strict = c.strict
	for _, path := range c.files {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(set.Place.Dir, filepath.Base(path)), data, 0o600)
		}
		if err != nil {
			return nil, &problem{err, "name a file that can be read"}
		}
	}
	for _, text := range c.setup {
		if err := setUp(ctx, set.Place.Dir, text); err != nil {
			return nil, err
		}
	}
	if err := set.Place.Keep(); err != nil {
		return nil, err
	}
	return set, set.Learn(ctx, c.ignore)
}

// resolved is a command line with its program found, and the files that it
// names from here.
func resolved(text string) (commands.Line, error) {
	l, err := commands.Parse(text)
	if err == nil {
		if l.Shell {
			l.Words[0], err = exec.LookPath(l.Words[0])
		} else {
			l.Words, err = program.Resolve(l.Words)
		}
	}
	return l, err
}

// setUpLimit is how long a command that makes what others need may take.
const setUpLimit = time.Minute

func setUp(ctx context.Context, dir, text string) error {
	l, err := resolved(text)
	if err != nil {
		return &problem{err, "name a program that is installed"}
	}
	limited, cancel := context.WithTimeout(ctx, setUpLimit)
	defer cancel()
	for i, word := range l.Words {
		l.Words[i] = strings.ReplaceAll(word, "{dir}", dir)
	}
	cmd := exec.CommandContext(limited, l.Words[0], l.Words[1:]...)
	cmd.Dir, cmd.Env = dir, commands.Env(os.Environ(), dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		return &problem{fmt.Errorf("-setup %q: %w, and it says %q", text, err, strings.TrimSpace(string(said))), "run it by hand in an empty directory"}
	}
	return nil
}
