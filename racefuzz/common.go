package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// common are the flags that several modes have, each with the same meaning in
// all of them.
type common struct {
	seed    uint64
	n       int // 0: no limit
	time    time.Duration
	workers int // 0: as the mode thinks best
	saveDir string
	html    string
	server  string
	json    bool
	v, q    bool
	stacks  bool
	given   map[string]bool // the flags of the command line

	unseeded bool // nothing is drawn, and the seed is for nothing

	tier, target, replay string // of what is run, for people
	procs                int
}

// reports defines the flags of what takes its time and says how it goes.
func (c *common) reports(f *flag.FlagSet) {
	f.BoolVar(&c.json, "json", false, "")
	f.BoolVar(&c.q, "q", false, "")
	f.DurationVar(&c.time, "time", 0, "")
}

// replays defines the flags of what runs cases.
func (c *common) replays(f *flag.FlagSet) {
	c.reports(f)
	f.BoolVar(&c.v, "v", false, "")
	c.shows(f)
	f.IntVar(&c.workers, "workers", 0, "")
}

// shows defines the flag of what draws a race.
func (c *common) shows(f *flag.FlagSet) { f.StringVar(&c.html, "html", "", "") }

// keeps defines the flags of what saves and draws what breaks.
func (c *common) keeps(f *flag.FlagSet) {
	c.shows(f)
	f.StringVar(&c.saveDir, "save", "", "")
}

// serves defines the flag of what may run a memlatch that is there.
func (c *common) serves(f *flag.FlagSet) { f.StringVar(&c.server, "server", "", "") }

// outdated is the usage of a flag that goes on working under an older name.
const outdated = "outdated"

// searches defines the flags of what looks for races.
func (c *common) searches(f *flag.FlagSet) {
	c.replays(f)
	f.Uint64Var(&c.seed, "seed", 0, "")
	f.IntVar(&c.n, "n", 0, "")
	f.StringVar(&c.saveDir, "save", "", "")
}

// complete checks the common flags and fills in what was not given.
func (c *common) complete(given map[string]bool) error {
	c.given = given
	if !given["seed"] {
		c.seed = rand.Uint64N(1e9)
	}
	if c.saveDir == "" {
		root, _ := moduleRoot()
		c.saveDir = filepath.Join(root, "testdata", "races")
	}
	switch {
	case given["n"] && c.n < 1:
		return fmt.Errorf("-n %d: at least 1", c.n)
	case given["time"] && c.time <= 0:
		return fmt.Errorf("-time %v: a positive duration", c.time)
	case given["workers"] && c.workers < 1:
		return fmt.Errorf("-workers %d: at least 1", c.workers)
	case c.v && c.q:
		return errors.New("-v and -q exclude each other")
	}
	return nil
}

// limit ends a context after the time there is, if that is limited.
func (c *common) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.time > 0 {
		return context.WithTimeout(ctx, c.time)
	}
	return context.WithCancel(ctx)
}

// parallel is how many schedules are run at the same time.
func (c *common) parallel() int { return cmp.Or(c.workers, runtime.NumCPU()) }

// word makes text one word of a command line.
func word(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t'\"\\$&|;<>()*?[]#~`!{}") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// moduleRoot returns the directory of the module that the working directory
// is in, or the working directory where there is none.
func moduleRoot() (dir string, found bool) {
	wd, err := os.Getwd()
	if err != nil {
		return ".", false
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return wd, false
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
