package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// mode is one of the things that racefuzz does. It is named by the first word
// of the command line, and has flags of its own.
type mode struct {
	name   string
	manual string
	job    func() job // a new one
}

// job is a mode with the values of its flags. Jobs embed [common].
type job interface {
	flags(*flag.FlagSet)
	// check completes what is not given. The words are those between the
	// flags, and the command is what follows "--".
	check(given map[string]bool, words, command []string) error
	run(context.Context, *output) (int, error)
	shared() *common
}

func (c *common) shared() *common { return c }

// modes are all there are, the one without a word first.
func modes() []mode {
	return []mode{
		{serversMode, serversManual, func() job { return new(servers) }},
		{daemonMode, daemonManual(), func() job { return new(daemon) }},
		{protocolMode, protocolManual, func() job { return new(protocol) }},
		{commandsMode, commandsManual, func() job { return new(commandsJob) }},
		{replayMode, replayManual, func() job { return new(replay) }},
		{examMode, examManual, func() job { return new(examination) }},
		{listMode, listManual, func() job { return new(listing) }},
	}
}

const overview = `Racefuzz finds races around pid files, shrinks them, and replays them.

Usage:
    racefuzz [flags]                       memlatch servers, with random timing
    racefuzz daemon [flags] -- PROGRAM ARG...
                                           any daemon, stopped at system calls
    racefuzz protocol [flags]              every order of the lock's own steps
    racefuzz commands [flags] COMMAND COMMAND...
                                           commands that share files
    racefuzz replay [flags] FILE...        races that were saved
    racefuzz exam [flags] [BUG]            known bugs: how soon each is found
    racefuzz list                          the targets: memlatch, the known bugs
    racefuzz help MODE                     all about servers, daemon, protocol,
                                           commands, replay or exam

"racefuzz -- PROGRAM ARG..." is "racefuzz daemon -- PROGRAM ARG...".

Flags of every mode that looks for races:
    -seed S         draw the same again (default: another one each time)
    -time D         stop after a duration such as 10m
    -workers N      so many at the same time
    -save DIR       where to save what breaks (default testdata/races in the
                    module, or else in the working directory)
    -html FILE      also write what breaks as a page to step through
    -json           write JSON, one object a line
    -v, -q          write more, or little besides the verdict

Exit codes: 0 no race was found, 1 a race was found, 2 wrong usage or
environment, 3 something broke that could not be reproduced, or programs may
not be traced here, 130 interrupted.

Examples:
    racefuzz -n 50 -target truncate-before-lock
    racefuzz protocol -kernel -target no-recheck
    racefuzz -- python3 server.py --pid {pidfile}
`

// parsed is a command line that has been understood.
type parsed struct {
	mode mode
	job  job
	help string // for who asks for it
	set  *flag.FlagSet
	rest []string // what follows the flags
}

func modeNamed(name string) (mode, error) {
	all := modes()
	i := slices.IndexFunc(all, func(m mode) bool { return m.name == name })
	if i < 0 {
		return mode{}, fmt.Errorf("no mode %q: servers, daemon, protocol, commands, replay, exam, list or help", name)
	}
	return all[i], nil
}

// parse finds out which mode is meant, and reads its flags. The error is
// [flag.ErrHelp] for who asks for help.
func parse(args []string) (p parsed, err error) {
	p.help = overview
	if args, err = modern(args); err != nil {
		return p, err
	}
	name := serversMode
	switch {
	case len(args) > 0 && args[0] == "help":
		return helped(args[1:])
	case len(args) > 0 && !strings.HasPrefix(args[0], "-"):
		name, args = args[0], args[1:]
		defer func() { p.help = p.mode.manual }()
	case slices.Contains(args, "--"):
		name = daemonMode
	}
	if p.mode, err = modeNamed(name); err != nil {
		return p, err
	}
	p.job = p.mode.job()
	p.set = newFlagSet(p.job)
	words, command, err := p.scan(args)
	if err != nil {
		return p, err
	}
	given := map[string]bool{}
	p.set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := p.job.shared().complete(given); err != nil {
		return p, err
	}
	return p, p.job.check(given, words, command)
}

func newFlagSet(j job) *flag.FlagSet {
	f := flag.NewFlagSet("racefuzz", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	j.flags(f)
	return f
}

// helped is for "racefuzz help" with words.
func helped(words []string) (p parsed, err error) {
	p.help = overview
	if len(words) > 0 {
		if p.mode, err = modeNamed(words[0]); err != nil {
			return p, err
		}
		p.help = p.mode.manual
	}
	return p, flag.ErrHelp
}

// scan reads the flags, which may stand between words.
func (p *parsed) scan(args []string) (words, command []string, err error) {
	for {
		if err := p.set.Parse(args); err != nil {
			return nil, nil, foreign(err, p.mode)
		}
		rest := p.set.Args()
		before := len(args) - len(rest)
		switch {
		case before > 0 && args[before-1] == "--" && len(rest) == 0:
			return nil, nil, errors.New("no program after --")
		case before > 0 && args[before-1] == "--":
			command = rest
			fallthrough
		case len(rest) == 0:
			p.rest = slices.Clone(words)
			if len(command) > 0 {
				p.rest = append(append(p.rest, "--"), command...)
			}
			return words, command, nil
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}

// foreign says which modes have a flag that this one has not.
func foreign(err error, m mode) error {
	_, name, undefined := strings.Cut(err.Error(), "flag provided but not defined: -")
	if !undefined {
		return err
	}
	var others []string
	for _, other := range modes() {
		if newFlagSet(other.job()).Lookup(name) != nil {
			others = append(others, "racefuzz "+other.name)
		}
	}
	if len(others) == 0 {
		return err
	}
	return &problem{
		fmt.Errorf("-%s is not a flag of racefuzz %s, but of %s", name, m.name, strings.Join(others, " and ")),
		fmt.Sprintf("run '%s -help' for what it does there", others[0]),
	}
}

// line is a command line that does the same again.
func (p *parsed) line() string {
	words := []string{"racefuzz"}
	if p.mode.name != serversMode {
		words = append(words, p.mode.name)
	}
	p.set.VisitAll(func(f *flag.Flag) {
		value := f.Value.String()
		several, ok := f.Value.(*paths)
		_, isSwitch := f.Value.(interface{ IsBoolFlag() bool })
		switch {
		case ok:
			for _, path := range *several {
				words = append(words, "-"+f.Name, word(path))
			}
		case f.Usage == outdated || value == f.DefValue && f.Name != "seed", f.Name == "seed" && p.job.shared().unseeded:
		case isSwitch:
			words = append(words, "-"+f.Name)
		case f.Name == "save":
			words = append(words, "-save", word(relative(value)))
		default:
			words = append(words, "-"+f.Name, word(value))
		}
	})
	for _, w := range p.rest {
		words = append(words, word(w))
	}
	return strings.Join(words, " ")
}

// paths is a flag that may be given several times.
type paths []string

func (p *paths) String() string { return strings.Join(*p, " ") }

func (p *paths) Set(path string) error {
	*p = append(*p, path)
	return nil
}
