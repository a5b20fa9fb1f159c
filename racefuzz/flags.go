package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/sim"
)

const usage = `Racefuzz finds races around pid files, shrinks them, and replays them.

Usage:
    racefuzz [flags]                real servers, with random timing
    racefuzz -tier model [flags]    every order of the lock's steps, in memory
    racefuzz -tier kernel [flags]   the same on the real file system
    racefuzz [flags] -- PROGRAM ARG...
                                    any program, stopped at its system calls
                                    (Linux); elsewhere, and with -tier process,
                                    many of them at once, with random timing
    racefuzz -tier syscall [flags]  memlatch like that, and its uninstall
    racefuzz -replay FILE           a saved case
    racefuzz -bench                 all known bugs, or one: how soon each is found
    racefuzz -list                  the targets

Flags:
    -target NAME    what to fuzz: memlatch, or one of the known bugs that -list
                    names (default memlatch)
    -seed S         draw the same again (default: another one each time)
    -time D         stop after a duration such as 10m
    -replay FILE    run a saved case again
    -save DIR       where to save what breaks (default testdata/races in the
                    module, or else in the working directory)
    -html FILE      also write what breaks as a page to step through
    -json           write JSON, one object a line
    -v              write a line for each case
    -q              write little besides the verdict

Real servers and programs, with random timing:
    -n N            run N cases (default 200, or no limit with -time)
    -procs N        servers at once in a case, at most (default 8)
    -workers N      cases at once (default: three a processor)
    -server PATH    fuzz this memlatch instead of building the module's

Every order:
    -rules NAME     the model's file system: posix, windows, windows-legacy or
                    wine (default posix)
    -actors N       only cases of N actors that start and stop
    -rounds N       times that each of them does (default 1)
    -strategy NAME  bounded, exhaustive, pos or random (default bounded)
    -preempt N      preemptions in a schedule of strategy bounded, at most
                    (default 2)
    -crash N        crashes in a schedule, at most (default 1)
    -faults N       failing calls in a schedule, at most, each instead of a
                    preemption or a crash (default 1)
    -n N            schedules: of pos and random exactly (default 100000), of the
                    others at most (default: no limit)
    -workers N      cases at once, or of pos and random schedules (default: one a
                    processor)
    -tries N        with -bench: times to try each bug without a scheduler, with
                    all actors started at once (default 100000)

Any program: {pidfile}, {dir} and {caseport} in its arguments stand for the pid
file, a directory and a free port of the case's own, {n} and {port} for the number
and a free port of the actor. It runs in {dir}; a file that an argument names is
found from here. What is not given is found out by running it.
    -ready WHAT     when it serves: "file" (the pid file is there), "quiet" (it
                    waits), or a regular expression of a line of its output
    -stop HOW       eof, term or int; with tier syscall also a command that stops it
    -losers WHAT    what a refused start does: exit, serve or auto (the default:
                    what it is seen to do)
    -pidfile NAME   what its pid file is called in {dir} (default server.pid)
    -file PATH      put a copy of a file into {dir} first, with the placeholders
                    replaced in it; may be given more than once

Any program, stopped at its system calls (tier syscall):
    -lockfile NAME  its lock is another file in {dir}
    -probe COMMAND  asks whether a server runs (exit code 0) or not (1 to 3), and
                    is run beside the servers
    -beside COMMAND is run once beside the servers, such as an uninstaller
    -inject WHAT    make calls fail, as in flock:error=ENOLCK:when=2
    -lenient        let a start empty a dead server's file before it writes its
                    own pid, which is what most daemons do
    -faults N       make N calls fail in a schedule, each with every error it can
                    have, each instead of a preemption or a crash
    -strict         try an operator's rm and a link in the pid file's place, too
    -actors, -rounds, -preempt, -crash, -n, -workers
                    as above (default 2 actors, 2 rounds; 1 is enough where there
                    is something beside it). With -n or -time, what is left when
                    the bounds are complete goes to strategy pos
    -server PATH    with no program: this memlatch

Exit codes: 0 no race was found, 1 a race was found, 2 wrong usage or
environment, 3 something broke that could not be reproduced, or programs may
not be traced here, 130 interrupted.

Examples:
    racefuzz -n 50 -target truncate-before-lock
    racefuzz -tier kernel -target no-recheck
    racefuzz -- python3 server.py --pid {pidfile}
`

// Names of the tiers.
const (
	tierProcess = proc.Tier
	tierModel   = "model"
	tierKernel  = "kernel"
	tierSyscall = "syscall"
)

// options are the flags' values.
type options struct {
	tier    string
	target  string
	seed    uint64
	n       int // 0: no limit
	time    time.Duration
	saveDir string
	html    string
	json    bool
	v, q    bool
	list    bool
	bench   bool
	tries   int

	replay    string
	recording race.Recording // what -replay names

	procs  int
	server string

	rules            string
	actors, rounds   int // 0: as the tier thinks best
	strategy         string
	preempt, crash   int
	workers          int
	command          []string
	ready, stop      string
	losers, lockFile string
	pidFile          string
	fileNames        []string
	files            []race.File // what -file names
	inject           string
	probe, beside    string
	lenient, strict  bool
	fails            int
}

// only lists the flags that not every tier has, with those that do.
var only = map[string][]string{
	"procs": {tierProcess}, "server": {tierProcess, tierSyscall},
	"rules": {tierModel}, "strategy": {tierModel, tierKernel},
	"actors": {tierModel, tierKernel, tierSyscall}, "rounds": {tierModel, tierKernel, tierSyscall},
	"preempt": {tierModel, tierKernel, tierSyscall}, "crash": {tierModel, tierKernel, tierSyscall},
	"ready": {tierSyscall, tierProcess}, "stop": {tierSyscall, tierProcess}, "losers": {tierSyscall, tierProcess},
	"pidfile": {tierSyscall, tierProcess}, "file": {tierSyscall, tierProcess},
	"lockfile": {tierSyscall},
	"probe":    {tierSyscall}, "beside": {tierSyscall}, "inject": {tierSyscall}, "lenient": {tierSyscall}, "strict": {tierSyscall}, "faults": {tierModel, tierKernel, tierSyscall},
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("racefuzz", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&o.tier, "tier", "", "")
	f.StringVar(&o.target, "target", shipped, "")
	f.Uint64Var(&o.seed, "seed", 0, "")
	f.IntVar(&o.n, "n", 0, "")
	f.DurationVar(&o.time, "time", 0, "")
	f.StringVar(&o.replay, "replay", "", "")
	f.StringVar(&o.saveDir, "save", "", "")
	f.StringVar(&o.html, "html", "", "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.v, "v", false, "")
	f.BoolVar(&o.q, "q", false, "")
	f.BoolVar(&o.list, "list", false, "")
	f.BoolVar(&o.bench, "bench", false, "")
	f.IntVar(&o.tries, "tries", 100_000, "")
	f.IntVar(&o.procs, "procs", 8, "")
	f.StringVar(&o.server, "server", "", "")
	f.StringVar(&o.rules, "rules", "posix", "")
	f.IntVar(&o.actors, "actors", 0, "")
	f.IntVar(&o.rounds, "rounds", 0, "")
	f.StringVar(&o.strategy, "strategy", "bounded", "")
	f.IntVar(&o.preempt, "preempt", 2, "")
	f.IntVar(&o.crash, "crash", 1, "")
	f.IntVar(&o.workers, "workers", 0, "")
	f.StringVar(&o.ready, "ready", "", "")
	f.StringVar(&o.stop, "stop", "", "")
	f.StringVar(&o.losers, "losers", "", "")
	f.StringVar(&o.lockFile, "lockfile", "", "")
	f.StringVar(&o.pidFile, "pidfile", "", "")
	f.Func("file", "", o.addFile)
	f.StringVar(&o.inject, "inject", "", "")
	f.BoolVar(&o.lenient, "lenient", false, "")
	f.StringVar(&o.probe, "probe", "", "")
	f.StringVar(&o.beside, "beside", "", "")
	f.BoolVar(&o.strict, "strict", false, "")
	f.IntVar(&o.fails, "faults", 0, "")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if words := f.Args(); len(words) > 0 {
		if before := len(args) - len(words); before == 0 || args[before-1] != "--" {
			return o, fmt.Errorf("unexpected argument %q", words[0])
		}
		o.command = words
	} else if len(args) > 0 && args[len(args)-1] == "--" {
		return o, errors.New("no program after --")
	}
	if err := o.complete(given); err != nil {
		return o, err
	}
	if !given["workers"] {
		o.workers = o.usualWorkers()
	}
	return o, o.check(given)
}

// addFile reads a file that the program is set up by.
func (o *options) addFile(path string) error {
	content, err := os.ReadFile(path)
	o.fileNames = append(o.fileNames, path)
	o.files = append(o.files, race.File{Name: filepath.Base(path), Kind: race.Config, Content: string(content)})
	return err
}

// complete fills in what follows from other flags, or from what is replayed.
func (o *options) complete(given map[string]bool) error {
	if o.losers == "auto" {
		o.losers = ""
	}
	if !given["seed"] {
		o.seed = rand.Uint64N(1e9)
	}
	if o.saveDir == "" {
		o.saveDir = filepath.Join(moduleRoot(), "testdata", "races")
	}
	if o.replay != "" {
		for _, name := range []string{"tier", "target"} {
			if given[name] {
				return fmt.Errorf("-replay takes the %s from the file", name)
			}
		}
		var err error
		if o.recording, err = load(o.replay); err != nil {
			return err
		}
		o.tier, o.target, o.command = o.recording.Case.Tier, o.recording.Case.Target, o.recording.Case.Command
		return nil
	}
	if o.tier == "" {
		o.tier = tierProcess
		if len(o.command) > 0 && runtime.GOOS == "linux" {
			o.tier = tierSyscall
		}
	}
	if len(o.command) > 0 {
		o.target = "program"
	}
	if o.tier == tierSyscall {
		if !given["actors"] {
			o.actors = 2
		}
		if !given["rounds"] {
			o.rounds = 2
		}
	}
	if o.tier == tierModel || o.tier == tierKernel {
		if o.target == shipped {
			o.target = mutant.Shipped
		}
		if !given["faults"] {
			o.fails = 1
		}
	}
	switch {
	case given["n"]:
	case o.tier == tierProcess && !given["time"]:
		o.n = 200
	case o.sampled():
		o.n = 100_000
	}
	return nil
}

// usualWorkers is what -workers is if it is not given.
func (o options) usualWorkers() int {
	if o.tier == tierProcess {
		return proc.Workers()
	}
	return runtime.NumCPU()
}

// fewest is how many servers there must be: one where somebody is beside it.
func (o options) fewest() int {
	if o.tier == tierSyscall && (o.beside != "" || o.probe != "" || o.strict || o.target == shipped) {
		return 1
	}
	return 2
}

// sampled reports whether the strategy draws schedules, and has no end of its
// own.
func (o options) sampled() bool { return o.strategy == "pos" || o.strategy == "random" }

func (o options) check(given map[string]bool) error {
	if !slices.Contains([]string{tierProcess, tierModel, tierKernel, tierSyscall}, o.tier) {
		return fmt.Errorf("no tier %q: process, model, kernel or syscall", o.tier)
	}
	for name, tiers := range only {
		if given[name] && !o.bench && !slices.Contains(tiers, o.tier) {
			return fmt.Errorf("-%s is not for tier %s, but for %s", name, o.tier, strings.Join(tiers, ", "))
		}
	}
	for name := range given {
		if o.bench && !slices.Contains([]string{"bench", "target", "tries", "json", "q", "v"}, name) {
			return fmt.Errorf("-%s is not for -bench", name)
		}
	}
	_, known := sim.ParseRules(o.rules)
	_, notPattern := regexp.Compile(o.ready)
	switch {
	case notPattern != nil:
		return fmt.Errorf("-ready %q: file, quiet, or a regular expression, and as one: %v", o.ready, notPattern)
	case !slices.Contains([]string{"", "exit", "serve"}, o.losers):
		return fmt.Errorf("-losers %q: exit, serve or auto", o.losers)
	case given["n"] && o.n < 1:
		return fmt.Errorf("-n %d: at least 1", o.n)
	case o.procs < 2 || o.procs > 64:
		return fmt.Errorf("-procs %d: from 2 to 64", o.procs)
	case given["time"] && o.time <= 0:
		return fmt.Errorf("-time %v: a positive duration", o.time)
	case o.server != "" && o.target != shipped:
		return fmt.Errorf("-server is a memlatch, and -target %s is not", o.target)
	case o.v && o.q:
		return fmt.Errorf("-v and -q exclude each other")
	case !known:
		return fmt.Errorf("-rules %q: posix, windows, windows-legacy or wine", o.rules)
	case given["actors"] && (o.actors < o.fewest() || o.actors > 8):
		return fmt.Errorf("-actors %d: from %d to 8", o.actors, o.fewest())
	case given["rounds"] && (o.rounds < 1 || o.rounds > 8):
		return fmt.Errorf("-rounds %d: from 1 to 8", o.rounds)
	case o.preempt < 0 || o.crash < 0 || o.fails < 0:
		return fmt.Errorf("-preempt, -crash and -faults count from 0")
	case o.tries < 0:
		return fmt.Errorf("-tries %d: at least 0", o.tries)
	case given["tries"] && !o.bench:
		return fmt.Errorf("-tries is for -bench")
	case strings.ContainsRune(o.pidFile, '/'):
		return fmt.Errorf("-pidfile %q: a name in {dir}, without directories", o.pidFile)
	case o.workers < 1:
		return fmt.Errorf("-workers %d: at least 1", o.workers)
	case strategies[o.strategy] == nil:
		return fmt.Errorf("-strategy %q: bounded, exhaustive, pos or random", o.strategy)
	case given["preempt"] && o.strategy != "bounded":
		return fmt.Errorf("-preempt is for strategy bounded, not for %s", o.strategy)
	case o.tier == tierSyscall && len(o.command) == 0 && o.target != shipped && o.target != "commands":
		return fmt.Errorf("tier syscall knows no target %q: run it as racefuzz -- PROGRAM ARG", o.target)
	case len(o.command) > 0 && o.server != "" && o.replay == "":
		return fmt.Errorf("-server is for memlatch, and not for another program")
	case (o.tier == tierModel || o.tier == tierKernel) && len(o.command) > 0:
		return fmt.Errorf("a program is run by tier syscall or process, not by tier %s", o.tier)
	case o.tier == tierProcess && len(o.command) == 0 && o.replay == "" && o.ready+o.stop+o.losers+o.pidFile+strings.Join(o.fileNames, "") != "":
		return errors.New("-ready, -stop, -losers, -pidfile and -file are for a program: racefuzz -tier process -- PROGRAM ARG")
	case o.tier == tierProcess && !slices.Contains([]string{"", "eof", "term", "int"}, o.stop):
		return fmt.Errorf("-stop %q: in tier process eof, term or int", o.stop)
	}
	return nil
}

// String returns the options as a command line that does the same.
func (o options) String() string {
	words := []string{"racefuzz"}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	switch {
	case o.replay != "":
		add("-replay %s", word(o.replay))
	case o.bench:
		add("-bench")
		if o.target != shipped {
			add("-target %s", o.target)
		}
		add("-tries %d", o.tries)
	default:
		o.describe(add)
	}
	if o.server != "" {
		add("-server %s", word(o.server))
	}
	if !o.bench {
		add("-save %s", word(relative(o.saveDir)))
	}
	if o.html != "" {
		add("-html %s", word(o.html))
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{o.json, "-json"}, {o.v, "-v"}, {o.q, "-q"}} {
		if f.set {
			add("%s", f.name)
		}
	}
	if len(o.command) > 0 && o.replay == "" {
		add("--")
		for _, w := range o.command {
			add("%s", word(w))
		}
	}
	return strings.Join(words, " ")
}

// describe adds what the tier is told to do.
func (o options) describe(add func(string, ...any)) {
	if o.tier != tierProcess || len(o.command) > 0 {
		add("-tier %s", o.tier)
	}
	add("-seed %d", o.seed)
	if o.n > 0 {
		add("-n %d", o.n)
	}
	if o.time > 0 {
		add("-time %v", o.time)
	}
	switch o.tier {
	case tierProcess:
		add("-procs %d", o.procs)
		if len(o.command) == 0 {
			add("-target %s", o.target)
		}
	case tierModel:
		add("-target %s -rules %s -strategy %s", o.target, o.rules, o.strategy)
	case tierKernel:
		add("-target %s -strategy %s", o.target, o.strategy)
	}
	for _, f := range []struct{ name, value string }{
		{"-ready", o.ready}, {"-stop", o.stop}, {"-losers", o.losers}, {"-pidfile", o.pidFile}, {"-lockfile", o.lockFile},
		{"-probe", o.probe}, {"-beside", o.beside}, {"-inject", o.inject},
	} {
		if f.value != "" {
			add("%s %s", f.name, word(f.value))
		}
	}
	for _, name := range o.fileNames {
		add("-file %s", word(name))
	}
	if o.tier == tierProcess {
		if o.workers != o.usualWorkers() {
			add("-workers %d", o.workers)
		}
		return
	}
	if o.actors > 0 {
		add("-actors %d", o.actors)
	}
	if o.rounds > 0 {
		add("-rounds %d", o.rounds)
	}
	if o.strategy == "bounded" {
		add("-preempt %d", o.preempt)
	}
	add("-crash %d", o.crash)
	if o.fails > 0 || o.tier != tierSyscall {
		add("-faults %d", o.fails)
	}
	if o.lenient {
		add("-lenient")
	}
	if o.strict {
		add("-strict")
	}
	add("-workers %d", o.workers)
}

// word makes text one word of a command line.
func word(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t'\"\\$&|;<>()*?[]#~`!{}") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// moduleRoot returns the directory of the module that the working directory
// is in, or the working directory.
func moduleRoot() string {
	wd, err := os.Getwd()
	if err != nil {
		return "."
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return wd
		}
	}
}

// relative returns path as seen from the working directory, where that is
// shorter.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || strings.HasPrefix(rel, "..") || !filepath.IsAbs(path) {
		return path
	}
	return rel
}
