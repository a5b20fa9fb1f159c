package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/sim"
	"github.com/memlatch/memlatch/racefuzz/internal/stage"
)

const protocolMode = "protocol"

const protocolManual = `Usage: racefuzz protocol [flags]

Tries every order of the steps of memlatch's lock, or of a known bug, within
bounds on preemptions and crashes: on a file system in memory, or on the real
one. A preemption takes the turn from an actor that could have gone on.

Flags:
    -target NAME    one of the known bugs that 'racefuzz list' names (default:
                    the lock as it is)
    -kernel         on this system's file system, instead of one in memory
    -rules NAME     of the one in memory: posix, windows, windows-legacy or wine
                    (default posix)
    -actors N       only cases of N actors that start and stop
    -rounds N       times that each of them does (default 1)
    -strategy NAME  bounded, exhaustive, pos or random (default bounded)
    -preempt N      preemptions in a schedule of strategy bounded, at most
                    (default 2)
    -crash N        crashes in a schedule, at most (default 1)
    -faults N       failing calls in a schedule, at most, each instead of a
                    preemption or a crash (default 1)
    -n N            schedules: of pos and random exactly (default 100000), of
                    the others at most (default: no limit)

And -seed, -time, -workers, -save, -html, -json, -v and -q: see 'racefuzz help'.

"Complete" in the last line says that no order within the bounds breaks the
lock, in the cases that were tried.

Examples:
    racefuzz protocol -target truncate-before-lock
    racefuzz protocol -rules windows -preempt 3
`

// strategies are the ways to choose schedules, by name.
var strategies = map[string]func(context.Context, explore.Plan) (explore.Result, error){
	"bounded":    explore.Bounded,
	"exhaustive": explore.Exhaustive,
	"pos":        explore.POS,
	"random":     explore.Random,
}

// drawsSchedules reports whether a strategy draws schedules, and has no end of
// its own.
func drawsSchedules(strategy string) bool { return strategy == "pos" || strategy == "random" }

// Names of the tiers of the lock's protocol.
const (
	tierModel  = "model"
	tierKernel = "kernel"
)

// protocol is the mode in which the lock's own steps are tried in every order.
type protocol struct {
	common
	kernel         bool
	rules          string
	actors, rounds int // 0: as in the usual cases
	strategy       string
	bounds         explore.Bounds
}

func (p *protocol) flags(f *flag.FlagSet) {
	p.searches(f)
	f.StringVar(&p.target, "target", mutant.Shipped, "")
	f.BoolVar(&p.kernel, "kernel", false, "")
	f.StringVar(&p.rules, "rules", "posix", "")
	f.IntVar(&p.actors, "actors", 0, "")
	f.IntVar(&p.rounds, "rounds", 0, "")
	f.StringVar(&p.strategy, "strategy", "bounded", "")
	f.IntVar(&p.bounds.Preemptions, "preempt", 2, "")
	f.IntVar(&p.bounds.Crashes, "crash", 1, "")
	f.IntVar(&p.bounds.Faults, "faults", 1, "")
}

func (p *protocol) check(given map[string]bool, words, command []string) error {
	p.tier = tierModel
	if p.kernel {
		p.tier = tierKernel
	}
	if !given["n"] && drawsSchedules(p.strategy) {
		p.n = 100_000
	}
	if p.target == shipped {
		p.target = mutant.Shipped
	}
	_, known := sim.ParseRules(p.rules)
	_, target := mutant.Lookup(p.target)
	switch {
	case len(words) > 0:
		return fmt.Errorf("unexpected argument %q", words[0])
	case len(command) > 0:
		return errors.New("the lock's protocol is tried without a program: racefuzz daemon runs one")
	case p.kernel && given["rules"]:
		return errors.New("-rules is for a file system in memory, and -kernel is the real one")
	case !p.kernel && !known:
		return fmt.Errorf("-rules %q: posix, windows, windows-legacy or wine", p.rules)
	case given["actors"] && (p.actors < 2 || p.actors > 8):
		return fmt.Errorf("-actors %d: from 2 to 8", p.actors)
	case given["rounds"] && (p.rounds < 1 || p.rounds > 8):
		return fmt.Errorf("-rounds %d: from 1 to 8", p.rounds)
	case strategies[p.strategy] == nil:
		return fmt.Errorf("-strategy %q: bounded, exhaustive, pos or random", p.strategy)
	case given["preempt"] && p.strategy != "bounded":
		return fmt.Errorf("-preempt is for strategy bounded, not for %s", p.strategy)
	case !target:
		return &problem{fmt.Errorf("no target %q", p.target), "run 'racefuzz list' for their names"}
	}
	return errors.Join(checkBounds(p.bounds), p.writable())
}

func checkBounds(b explore.Bounds) error {
	if min(b.Preemptions, b.Crashes, b.Faults) < 0 || max(b.Preemptions, b.Crashes, b.Faults) > explore.Most {
		return fmt.Errorf("-preempt, -crash and -faults count from 0 to %d", explore.Most)
	}
	return nil
}

func (p *protocol) run(ctx context.Context, out *output) (int, error) {
	out.begin()
	return inTemp(func(dir string) (int, error) {
		tier := stageTier(p.tier, dir)
		limited, cancel := p.limit(ctx)
		defer cancel()
		s := &search{common: &p.common, out: out, strategy: p.strategy, look: strategies[p.strategy], complete: p.complete}
		s.plan = explore.Plan{Tier: tier, Cases: p.cases(), Bounds: p.bounds, Limit: p.n, Seed: p.seed, Workers: p.parallel()}
		code, err := s.run(ctx, limited)
		return code, errors.Join(err, tier.Close())
	})
}

// stageTier returns one of the tiers of the lock's protocol.
func stageTier(name, dir string) *stage.Tier {
	if name == tierKernel {
		return stage.Kernel(dir)
	}
	return stage.Model()
}

func (p *protocol) cases() []race.Case {
	rules := p.rules
	if p.kernel {
		rules = ""
	}
	if p.actors == 0 && p.rounds == 0 {
		return stage.Cases(p.target, p.tier, rules)
	}
	return stage.Servers(p.target, p.tier, rules, max(p.actors, 2), max(p.rounds, 1))
}

// complete says what was tried.
func (p *protocol) complete(explore.Result) []string {
	actors, faulty := 0, 0 // of the cases whose calls can fail
	for _, c := range p.cases() {
		actors = max(actors, len(c.Actors))
		if c.Options[stage.OptionFaults] != "" {
			faulty = max(faulty, len(c.Actors))
		}
	}
	words := []string{tally{actors, "actors"}.String()}
	if p.rounds > 1 {
		words = append(words, tally{p.rounds, "rounds"}.String())
	}
	bounds := p.bounds.String()
	switch {
	case p.bounds.Faults == 0:
	case faulty == 0:
		bounds, _, _ = strings.Cut(bounds, ", or ")
	case faulty < actors:
		bounds += fmt.Sprintf(" among %d actors", faulty)
	}
	if p.strategy == "exhaustive" {
		_, bounds, _ = strings.Cut(bounds, ", ")
		bounds = "any preemptions, " + bounds
	}
	if p.kernel {
		return append(words, bounds, "the real file system")
	}
	return append(words, bounds, p.rules+" rules")
}
