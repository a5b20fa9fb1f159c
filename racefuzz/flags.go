package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const usage = `Racefuzz finds races around pid files. It starts many servers at once, with
readers and probes among them, stops them in every way, and judges what
became of the pid file, the servers and what they were told to remember.

Usage:
    racefuzz [flags]
    racefuzz -replay FILE
    racefuzz -list

Flags:
    -n N            run N cases (default 200, or no limit with -time)
    -time D         stop after a duration such as 10m
    -procs N        servers at once in a case, at most (default 8)
    -seed S         draw the same cases again (default: another one each time)
    -target NAME    what to fuzz: memlatch, or one of the built-in servers with
                    a known bug that -list names (default memlatch)
    -server PATH    fuzz this memlatch instead of building the module's
    -replay FILE    run a saved case again
    -save DIR       where to save what breaks (default testdata/races in the
                    module, or else in the working directory)
    -json           write JSON, one object a line
    -v              write a line for each case
    -q              write the first line and the verdict only
    -list           name the targets

Exit codes: 0 no race was found, 1 a race was found, 2 wrong usage or
environment, 3 something broke that could not be reproduced, 130 interrupted.

Example:
    racefuzz -n 50 -target truncate-before-lock
`

// options are the flags' values.
type options struct {
	n      int // 0: no limit
	time   time.Duration
	procs  int
	seed   uint64
	target string
	server string
	replay string
	save   string
	json   bool
	v, q   bool
	list   bool
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("racefuzz", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.IntVar(&o.n, "n", 200, "")
	f.DurationVar(&o.time, "time", 0, "")
	f.IntVar(&o.procs, "procs", 8, "")
	f.Uint64Var(&o.seed, "seed", 0, "")
	f.StringVar(&o.target, "target", shipped, "")
	f.StringVar(&o.server, "server", "", "")
	f.StringVar(&o.replay, "replay", "", "")
	f.StringVar(&o.save, "save", "", "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.v, "v", false, "")
	f.BoolVar(&o.q, "q", false, "")
	f.BoolVar(&o.list, "list", false, "")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["seed"] {
		o.seed = rand.Uint64N(1e9)
	}
	if given["time"] && !given["n"] {
		o.n = 0
	}
	if o.save == "" {
		o.save = filepath.Join(moduleRoot(), "testdata", "races")
	}
	return o, o.check(f.Args(), given)
}

func (o options) check(rest []string, given map[string]bool) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case given["n"] && o.n < 1:
		return fmt.Errorf("-n %d: at least one case", o.n)
	case o.procs < 2 || o.procs > 64:
		return fmt.Errorf("-procs %d: from 2 to 64", o.procs)
	case given["time"] && o.time <= 0:
		return fmt.Errorf("-time %v: a positive duration", o.time)
	case o.server != "" && o.target != shipped:
		return fmt.Errorf("-server is a memlatch, and -target %s is not", o.target)
	case o.replay != "" && given["target"]:
		return fmt.Errorf("-replay takes the target from the file")
	case o.v && o.q:
		return fmt.Errorf("-v and -q exclude each other")
	}
	return nil
}

// String returns the options as a command line that draws the same cases.
func (o options) String() string {
	words := []string{"racefuzz"}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if o.replay != "" {
		add("-replay %s", word(o.replay))
	} else {
		add("-seed %d", o.seed)
		if o.n > 0 {
			add("-n %d", o.n)
		}
		if o.time > 0 {
			add("-time %v", o.time)
		}
		add("-procs %d -target %s", o.procs, o.target)
	}
	if o.server != "" {
		add("-server %s", word(o.server))
	}
	add("-save %s", word(relative(o.save)))
	for _, f := range []struct {
		set  bool
		name string
	}{{o.json, "-json"}, {o.v, "-v"}, {o.q, "-q"}} {
		if f.set {
			add("%s", f.name)
		}
	}
	return strings.Join(words, " ")
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
