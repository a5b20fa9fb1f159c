package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

const serversMode = "servers"

const serversManual = `Usage: racefuzz [flags]

Starts real memlatch servers, many at once, asks them, stops and kills them in
every way there is, with random timing, and judges what they and their pid file
did. What breaks is shrunk, run again, saved and shown.

Flags:
    -n N            run N cases (default 200, or no limit with -time)
    -procs N        servers at once in a case, at most (default 8)
    -workers N      cases at once (default: as many as the processors bear)
    -target NAME    instead of memlatch a server with one of the known bugs that
                    'racefuzz list' names
    -server PATH    this memlatch, instead of building the module's
    -seed S         draw the same again (default: another one each time)
    -time D         stop after a duration such as 10m
    -save DIR       where to save what breaks (default testdata/races in the
                    module, or else in the working directory)
    -html FILE      also write what breaks as a page to step through
    -json           write JSON, one object a line
    -v              write a line for each case
    -q              write little besides the verdict

A pass says that nothing broke in so many cases; it proves nothing of an order
that did not come up. For that, see 'racefuzz help protocol' and 'racefuzz help
daemon', which try every order within bounds.

Example:
    racefuzz -n 50 -target truncate-before-lock
`

// servers is the mode in which memlatch, or what plays it, runs with random
// timing.
type servers struct{ common }

func (s *servers) flags(f *flag.FlagSet) {
	s.searches(f)
	s.serves(f)
	f.StringVar(&s.target, "target", shipped, "")
	f.IntVar(&s.procs, "procs", mostProcs, "")
}

// mostProcs is how many servers a case has at most if nobody says.
const mostProcs = 8

func (s *servers) check(given map[string]bool, words, command []string) error {
	s.tier = proc.Tier
	if !given["n"] && !given["time"] {
		s.n = 200
	}
	switch {
	case len(words) > 0:
		return fmt.Errorf("unexpected argument %q", words[0])
	case len(command) > 0:
		return &problem{errors.New("servers are memlatch's, and no program of yours"), "run it as racefuzz -- PROGRAM ARG"}
	case s.server != "" && s.target != shipped:
		return fmt.Errorf("-server is a memlatch, and -target %s is not", s.target)
	}
	return s.checkProcs()
}

func (c *common) checkProcs() error {
	if c.procs < 2 || c.procs > 24 {
		return fmt.Errorf("-procs %d: from 2 to 24", c.procs)
	}
	return c.writable()
}

func (s *servers) run(ctx context.Context, out *output) (int, error) {
	out.begin()
	return withSession(&s.common, out, func(x *session) (int, error) {
		var took time.Duration
		var err error
		if x.target, took, err = s.find(ctx, s.target, x.arena.Dir); err != nil {
			return x.orInterrupted(ctx, err)
		}
		out.built(took)
		limited, cancel := s.limit(ctx)
		defer cancel()
		return x.fuzz(ctx, limited, func(seed uint64) race.Case { return proc.Draw(x.target.Name, seed, s.procs) })
	})
}
