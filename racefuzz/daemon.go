package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

const daemonMode = "daemon"

// daemonManual explains each setting where it is defined.
func daemonManual() string {
	var settings strings.Builder
	for _, s := range new(program.Program).All() {
		settings.WriteString(s.Usage)
	}
	return `Usage: racefuzz daemon [flags] -- PROGRAM ARG...

Tries any daemon (on Linux) in every order of its system calls within bounds;
without a program, memlatch and its uninstall. In ARG, {pidfile}, {dir} and
{caseport} stand for the case's pid file, directory and free port, {n} and
{port} for the number and a free port of the actor. It runs in {dir}. What is
not given is found out by running it.

What it is like:` + settings.String() + `
    -file PATH      put a copy into {dir}, placeholders replaced; likewise
What is tried:
    -actors N       servers (default 2), -rounds N starts of each (default 2); 1
                    is enough where something is beside them
    -preempt N      preemptions (default 2), -crash N crashes (default 1), and
                    instead of any of these -faults N failing calls (default 0)
    -no-stale       begin with no dead server's pid file
    -early-stop     also a stop in the middle of a start
    -tamper         also an operator's rm, and a link in the pid file's place
    -n N            at most N schedules; what -n or -time leave is sampled
    -random         many at once with random timing, up to -procs N (default 8),
                    in -n N cases (default 200); so it is done without Linux
    -server PATH    with no program: this memlatch
And -seed, -time, -workers, -save, -html, -json, -v, -q: see 'racefuzz help'.

Example: racefuzz daemon -stop term -- python3 server.py --pid {pidfile}
`
}

// daemon is the mode in which programs are run that nobody here wrote.
type daemon struct {
	common
	program.Program
	random         bool
	actors, rounds int
	bounds         explore.Bounds
	files          paths
}

func (d *daemon) flags(f *flag.FlagSet) {
	d.searches(f)
	d.serves(f)
	for _, s := range d.All() {
		switch {
		case s.Usage == "":
		case s.Switch:
			f.Var((*yes)(s.Value), s.Name, "")
		case s.Many:
			f.Var((*several)(s.Value), s.Name, "")
		default:
			f.StringVar(s.Value, s.Name, "", "")
		}
		if s.Old != "" {
			f.Var((*yes)(s.Value), s.Old, outdated)
		}
	}
	f.Var(&d.files, "file", "")
	f.BoolVar(&d.NoStale, "no-stale", false, "")
	f.BoolVar(&d.EarlyStop, "early-stop", false, "")
	f.BoolVar(&d.Tamper, "tamper", false, "")
	f.BoolVar(&d.Tamper, "strict", false, outdated)
	f.BoolVar(&d.random, "random", runtime.GOOS != "linux", "")
	f.IntVar(&d.procs, "procs", mostProcs, "")
	f.IntVar(&d.actors, "actors", 2, "")
	f.IntVar(&d.rounds, "rounds", 2, "")
	f.IntVar(&d.bounds.Preemptions, "preempt", 2, "")
	f.IntVar(&d.bounds.Crashes, "crash", 1, "")
	f.IntVar(&d.bounds.Faults, "faults", 0, "")
}

// yes is a setting that is "yes" or empty.
type yes string

func (y *yes) String() string   { return string(*y) }
func (y *yes) IsBoolFlag() bool { return true }
func (y *yes) Set(text string) error {
	switch text {
	case "true":
		*y = "yes"
	case "false":
		*y = ""
	default:
		return errors.New("true or false")
	}
	return nil
}

// several is a setting that a flag adds a value to.
type several string

func (l *several) String() string { return string(*l) }
func (l *several) Set(text string) error {
	if *l != "" {
		*l += program.Separator
	}
	*l += several(text)
	return nil
}

// onlyRandom and notRandom are the flags that are for programs with random
// timing, and for those that are stopped at their system calls.
var (
	onlyRandom = []string{"procs"}
	notRandom  = []string{"lockfile", "probe", "beside", "inject", "pass", "may-empty", "lenient", "early-stop", "tamper", "strict", "user", "faults", "actors", "rounds", "preempt", "crash"}
)

func (d *daemon) check(given map[string]bool, words, command []string) error {
	d.Command = command
	d.tier, d.target = trace.Name, "program"
	if len(command) == 0 {
		d.target = shipped
	}
	foreign, other := onlyRandom, "with"
	if d.random {
		d.tier, foreign, other = proc.Tier, notRandom, "without"
		if !given["n"] && !given["time"] {
			d.n = 200
		}
	}
	if d.Losers == "auto" {
		d.Losers = ""
	}
	if d.bounds.Faults > 0 {
		d.Faults = "all"
	}
	for _, name := range foreign {
		if given[name] {
			return fmt.Errorf("-%s is for daemons %s -random", name, other)
		}
	}
	fewest := 2
	if d.Beside != "" || d.Probe != "" || d.Tamper || d.EarlyStop || len(command) == 0 {
		fewest = 1
	}
	switch {
	case len(words) > 0:
		return fmt.Errorf("unexpected argument %q: a program stands behind --", words[0])
	case len(command) == 0 && d.random:
		return &problem{errors.New("no program"), "write racefuzz daemon -random -- PROGRAM ARG; memlatch with random timing is racefuzz alone"}
	case len(command) > 0 && d.server != "":
		return errors.New("-server is for memlatch, and not for another program")
	case d.actors < fewest || d.actors > 8:
		return fmt.Errorf("-actors %d: from %d to 8", d.actors, fewest)
	case d.rounds < 1 || d.rounds > 8:
		return fmt.Errorf("-rounds %d: from 1 to 8", d.rounds)
	case d.random && !slices.Contains([]string{"", "eof", "term", "int"}, d.Stop):
		return fmt.Errorf("-stop %q: with -random eof, term or int", d.Stop)
	}
	if err := d.Check(); err != nil {
		return err
	}
	if err := checkBounds(d.bounds); err != nil {
		return err
	}
	if err := d.addFiles(); err != nil {
		return err
	}
	return d.checkProcs()
}

// addFiles reads the files that the program is set up by.
func (d *daemon) addFiles() error {
	for _, path := range d.files {
		content, err := os.ReadFile(path)
		if err != nil {
			return &problem{err, "name a file with -file"}
		}
		d.Files = append(d.Files, race.File{Name: filepath.Base(path), Kind: race.Config, Content: string(content)})
	}
	return nil
}

func (d *daemon) run(ctx context.Context, out *output) (int, error) {
	out.begin()
	if d.random {
		return withSession(&d.common, out, func(s *session) (int, error) { return d.together(ctx, s) })
	}
	return inTemp(func(dir string) (int, error) { return d.traced(ctx, dir, out) })
}

// together runs many at once.
func (d *daemon) together(ctx context.Context, s *session) (int, error) {
	s.command = d.Command
	learned, err := s.arena.Learn(ctx, d.Program)
	if err != nil {
		return s.orInterrupted(ctx, remedied(err))
	}
	s.out.learned(learned)
	limited, cancel := d.limit(ctx)
	defer cancel()
	return s.fuzz(ctx, limited, func(seed uint64) race.Case { return proc.DrawProgram(learned, seed, d.procs) })
}

// memlatch is how the shipped server is run as a program; {server} stands for
// it. Its store is that of a home of the case's own: only with the default one
// is the pid file called server.pid. The store is there, for its uninstall to
// remove, and empty.
var (
	memlatch      = []string{"env", "-u", "MEMLATCH_HOME", "HOME={dir}", "MEMLATCH_RUNTIME_DIR={dir}", "{server}"}
	memlatchStore = []race.File{{Name: ".memlatch", Kind: race.Dir, Perm: 0o700}, {Name: ".memlatch/store", Kind: race.Dir, Perm: 0o700}}
)

// traced stops the program at its system calls.
func (d *daemon) traced(ctx context.Context, dir string, out *output) (int, error) {
	limited, cancel := d.limit(ctx)
	defer cancel()
	tier := trace.Tier{Dir: dir, Noticed: out.noticed, Passed: out.passed, Done: ctx.Done()}
	start := time.Now()
	p := d.Program
	if len(p.Command) == 0 {
		built, took, err := d.find(ctx, shipped, dir)
		if err != nil {
			return 0, err
		}
		out.built(took)
		tier.Server = built.Path
		p.Command, p.Files = memlatch, append(slices.Clip(p.Files), memlatchStore...)
		if p.Beside == "" {
			p.Beside = strings.Join(append(slices.Clip(memlatch), "uninstall", "-y"), " ")
		}
	}
	known, code := false, 0
	err := tier.Try(limited, p, func(tier trace.Tier, learned program.Program) (err error) {
		known = true
		out.learned(learned)
		cases := trace.Cases(learned, d.actors, d.rounds)
		for i := range cases {
			if tier.Server != "" {
				cases[i].Target = shipped
			}
		}
		s := &search{common: &d.common, out: out, strategy: "bounded", look: traced, complete: d.complete}
		s.plan = explore.Plan{Tier: tier, Cases: cases, Bounds: d.bounds, Limit: d.n, Seed: d.seed, Workers: d.parallel()}
		code, err = s.run(ctx, limited)
		return err
	})
	if !known {
		if code, ended := out.unlearned(ctx, limited, start, "the program", "schedules"); ended {
			return code, nil
		}
	}
	return code, remedied(err)
}

// complete says what was tried. Others beside the servers are not counted.
func (d *daemon) complete(explore.Result) []string {
	actors := tally{d.actors, "actors"}.String()
	switch {
	case d.Beside != "":
		actors += " and a command"
	case len(d.Command) == 0:
		actors += " and an uninstall"
	}
	if d.Probe != "" {
		actors += " and a probe"
	}
	if d.EarlyStop {
		actors += " and a stop in a start"
	}
	return []string{actors, tally{d.rounds, "rounds"}.String(), d.bounds.String()}
}
