package proc

import (
	"pgregory.net/rapid"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// DrawProgram returns the case that belongs to a seed, for a program that
// [Arena.Learn] has returned, with 2 to procs actors. Its rounds are those of
// [Draw].
func DrawProgram(p program.Program, seed uint64, procs int) race.Case {
	return rapid.Custom(func(t *rapid.T) race.Case {
		c := p.Case(Tier).Clone()
		if p.Content != "" && !p.NoStale && chance(t, 50, "found") {
			content := ""
			if pid := pick(t, "content", "{dead}", "2147483646", ""); pid != "" {
				content = p.Found(pid)
			}
			c.Files = append(c.Files, p.Parents()...)
			c.Files = append(c.Files, race.File{Name: c.PIDFile(), Kind: race.Regular, Content: content})
		}
		rounds := []round{drawRound(t)}
		for len(rounds) < 3 && chance(t, 50, "more") {
			rounds = append(rounds, drawRound(t))
		}
		for i := range 2 + below(t, procs-1, "actors") {
			s := &script{t: t}
			for _, r := range rounds {
				s.programRound(r, p)
			}
			if s.alive {
				s.add(p.Stop)
			}
			c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: s.words})
		}
		if chance(t, 80, "reads") {
			c.Actors = append(c.Actors, race.Actor{Name: "reader", Script: []string{opReads}})
		}
		c.Actors = append(c.Actors, race.Actor{Name: "last", Script: []string{opLast, opLook, opStart, opReady, p.Stop, opLook}})
		return c
	}).Example(int(seed))
}

func (s *script) programRound(r round, p program.Program) {
	start := func() {
		s.add(opStart)
		s.alive = !chance(s.t, 10, "brief")
		if !s.alive { // as one that is killed before it has said anything
			s.wait(80, 30)
			s.add(pick(s.t, "end", p.Stop, opKill))
			return
		}
		s.add(opReady)
	}
	if !s.alive && chance(s.t, 80, "starts") {
		if !r.together {
			s.wait(60, 15)
		}
		start()
	}
	s.add(opMeet)
	stayed := false
	switch {
	case s.alive && (r.curfew || chance(s.t, 50, "stops")):
		s.wait(40, 20)
		s.add(pick(s.t, "end", p.Stop, p.Stop, opKill))
		s.alive = false
		if r.relief && !r.curfew && chance(s.t, 50, "again") {
			s.wait(40, 15)
			start()
		}
	case s.alive:
		stayed = true
	case r.relief && !r.curfew && chance(s.t, 40, "joins"):
		s.wait(40, 15)
		start()
	}
	s.add(opMeet)
	if stayed && p.Losers == "serve" {
		s.add(opSettle)
	}
	s.add(opMeet)
}
