package trace

import (
	"fmt"
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Name is how cases name this tier.
const Name = "syscall"

// Cases returns the cases to explore of a program that [Tier.Learn] has
// returned, the smallest first, in which the actors start and stop it in up to
// that many rounds.
func Cases(p program.Program, actors, rounds int) []race.Case {
	cases := []race.Case{cast(p, "%d actors, %d round", actors, 1)}
	if len(p.Stale) > 0 {
		cases = append(cases,
			cast(p, "%d actors, %d round, a stale pid file", actors, 1, p.Stale...),
			cast(p, "%d actors, %d round, a pid file with another process's pid", actors, 1, p.Taken...))
	}
	if p.Tamper {
		cases = append(cases, tampered(p, actors)...)
	}
	if p.EarlyStop {
		early := []race.Case{cast(p, "%d actors, %d round, and a stop in the middle of a start", actors, 1)}
		if len(p.Stale) > 0 {
			early = append(early, cast(p, "%d actors, %d round, a stale pid file, and a stop in the middle of a start", actors, 1, p.Stale...))
		}
		for _, c := range early {
			join(&c, opHalt)
			cases = append(cases, c)
		}
	}
	if rounds > 1 {
		cases = append(cases, cast(p, "%d actors, %d rounds", actors, rounds))
	}
	return cases
}

// cast returns a case with its actors, among them a probe and a command if
// there are.
func cast(p program.Program, title string, actors, rounds int, files ...race.File) race.Case {
	c := p.Case(Name).Clone()
	c.Title = fmt.Sprintf(title, actors, rounds)
	c.Files = append(c.Files, files...)
	script := slices.Repeat([]string{opStart, opStop}, rounds)
	for range actors {
		join(&c, script...)
	}
	if p.Probe != "" {
		join(&c, opProbe)
	}
	if p.Beside != "" {
		join(&c, opRun)
	}
	return c
}

// join adds an actor to c.
func join(c *race.Case, script ...string) {
	c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(len(c.Actors)), Script: script})
}

// tampered are the cases in which somebody else has a hand.
func tampered(p program.Program, actors int) []race.Case {
	removed := cast(p, "%d actors, %d round, and an operator removes the pid file", actors, 1)
	join(&removed, opRemove)
	link := cast(p, "%d actor, %d round, a link in the place of the pid file", 1, 1,
		race.File{Name: p.PIDName(), Kind: race.Link, Content: "victim"},
		race.File{Name: "victim", Kind: race.Regular, Content: "precious\n"})
	return []race.Case{removed, link}
}
