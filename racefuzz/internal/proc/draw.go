package proc

import (
	"fmt"
	"runtime"

	"pgregory.net/rapid"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Draw returns the case that belongs to a seed, with 2 to procs servers. It
// knows nothing of the target but its name.
func Draw(target string, seed uint64, procs int) race.Case {
	c := cases(procs).Example(int(seed))
	c.Target = target
	return c
}

// cases generates cases in rounds. In each round servers start, together or
// nearly so; then all are asked and asked to do things; then some stop, some
// of those start again, and the others wait for the pid file to name one that
// lives. In some rounds all stop, so that the next begins with what they left.
// In the end, when nobody is left, one more starts, finds what there is to
// find and leaves nothing behind.
func cases(procs int) *rapid.Generator[race.Case] {
	return rapid.Custom(func(t *rapid.T) race.Case {
		c := race.Case{Tier: Tier}
		initial(t, &c)
		rounds := []round{drawRound(t)}
		for len(rounds) < 3 && chance(t, 50, "more") {
			rounds = append(rounds, drawRound(t))
		}
		for i := range 2 + below(t, procs-1, "servers") {
			s := &script{t: t}
			for _, r := range rounds {
				s.round(r)
			}
			s.stop()
			c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: s.words})
		}
		last := []string{opLast, opLook, opStart, opInitialize, opRole, opSettle, opRole, opList, opEOF, opLook, opStatus, opLook}
		if chance(t, 50, "uninstall") {
			c.Actors = append(c.Actors, race.Actor{Name: "remover", Script: removals(t, len(rounds))})
			if chance(t, 50, "cut") {
				last = append(last, opCut)
			}
			last = append(last, opUninstall, opHome)
		}
		if chance(t, 60, "asks") {
			c.Actors = append(c.Actors, race.Actor{Name: "asker", Script: questions(t)})
		}
		if chance(t, 80, "reads") {
			c.Actors = append(c.Actors, race.Actor{Name: "reader", Script: []string{opReads}})
		}
		if chance(t, 60, "probes") {
			c.Actors = append(c.Actors, race.Actor{Name: "prober", Script: []string{opProbes}})
		}
		c.Actors = append(c.Actors, race.Actor{Name: "last", Script: last})
		return c
	})
}

// below draws a number from 0 to n-1, all of them as often. The integers that
// rapid draws are small ones for the most part; its bits are fair.
func below(t *rapid.T, n int, label string) int {
	drawn, of := 0, 1
	for of < 64*n {
		drawn, of = 2*drawn, 2*of
		if rapid.Bool().Draw(t, label) {
			drawn++
		}
	}
	return drawn * n / of
}

// chance is true in so many of a hundred draws.
func chance(t *rapid.T, percent int, label string) bool { return below(t, 100, label) < percent }

// round is what the servers do together.
type round struct {
	together bool // they start at the same moment, or nearly so
	curfew   bool // all of them stop in the end, and
	relief   bool // otherwise some start while others stop
}

func drawRound(t *rapid.T) round {
	return round{together: chance(t, 60, "together"), curfew: chance(t, 50, "curfew"), relief: chance(t, 50, "relief")}
}

func pick(t *rapid.T, label string, from ...string) string {
	return from[below(t, len(from), label)]
}

// initial draws what the servers find, which is often nothing, and otherwise
// mostly something that they have to cope with.
func initial(t *rapid.T, c *race.Case) {
	file := func(content string) race.File {
		return race.File{Name: race.PIDFile, Kind: race.Regular, Content: content}
	}
	kinds := []string{"empty", "empty", "stale", "longer", "longer", "longer", "garbage", "garbage", "stranger", "directory", "read-only"}
	if runtime.GOOS != "windows" {
		kinds = append(kinds, "link", "dangling", "fifo", "open")
	}
	if chance(t, 40, "fresh") {
		return
	}
	switch pick(t, "found", kinds...) {
	case "empty":
		c.Files = []race.File{file("")}
	case "stale":
		c.Files = []race.File{file("{dead}\n")}
	case "longer":
		c.Files = []race.File{file("2147483646\n")}
	case "garbage":
		c.Files = []race.File{file("no pid at all, but quite some text\n")}
	case "stranger":
		c.Files = []race.File{file("{stranger}\n")}
	case "directory":
		c.Files = []race.File{{Name: race.PIDFile, Kind: race.Dir}}
	case "read-only":
		f := file("{dead}\n")
		f.Perm = 0o400
		c.Files = []race.File{f}
	case "link":
		c.Files = []race.File{
			{Name: race.PIDFile, Kind: race.Link, Content: "precious"},
			{Name: "precious", Kind: race.Regular, Content: "not to be lost\n"},
		}
	case "dangling":
		c.Files = []race.File{{Name: race.PIDFile, Kind: race.Link, Content: "elsewhere"}}
	case "fifo":
		c.Files = []race.File{{Name: race.PIDFile, Kind: race.FIFO}}
	case "open":
		c.Options = map[string]string{dirPerm: pick(t, "perm", "0755", "0770", "0777")}
	}
}

// script is that of a server's actor being drawn.
type script struct {
	t     *rapid.T
	words []string
	alive bool
	end   string // how the server will be stopped
}

func (s *script) add(words ...string) { s.words = append(s.words, words...) }

func (s *script) round(r round) {
	if !s.alive && chance(s.t, 80, "starts") {
		if !r.together {
			s.wait(60, 15)
		}
		s.start()
	}
	s.ask(40)
	s.add(opMeet)
	if s.alive {
		for range 1 + below(s.t, 3, "calls") {
			s.add(pick(s.t, "call", opRole, opRole, opAdd, opAdd, opList, opBurst))
		}
	}
	s.ask(80)
	s.add(opMeet)
	stayed := false
	switch {
	case s.alive && (r.curfew || chance(s.t, 50, "stops")):
		s.wait(40, 20)
		s.stop()
		if chance(s.t, 20, "leaves for good") {
			s.add(opUninstall) // though others may be there
		}
		if r.relief && !r.curfew && chance(s.t, 50, "again") {
			s.wait(40, 15)
			s.start()
		}
	case s.alive:
		stayed = true
	case r.relief && !r.curfew && chance(s.t, 40, "joins"):
		s.wait(40, 15)
		s.start()
	}
	s.add(opMeet)
	if stayed && chance(s.t, 70, "settles") {
		s.add(opSettle, opRole)
	}
	s.add(opMeet)
}

// start starts a server and has it answer, or, as hosts do that only want to
// know whether they could, ends it before it has.
func (s *script) start() {
	ends := []string{opEOF, opEOF, opTerm, opTerm, opKill, opKill, opAgain, opAgain}
	if runtime.GOOS != "windows" {
		ends = append(ends, opInt, opHup)
	}
	hosted := chance(s.t, 15, "hosted")
	if hosted {
		ends = []string{opHostDies, opHostAlone, opEOF}
	}
	s.end = pick(s.t, "end", ends...)
	s.alive = true
	if hosted {
		s.add(opHosted)
	} else {
		s.add(opStart)
	}
	if !hosted && chance(s.t, 10, "brief") {
		if runtime.GOOS == "windows" && s.end != opEOF { // whose CTRL_C is lost on who is not yet there
			s.end = opKill
		}
		s.wait(80, 10)
		s.stop()
		return
	}
	s.add(opInitialize, opRole)
}

func (s *script) stop() {
	if s.alive {
		if chance(s.t, 30, "busy") {
			s.add(opBurst)
			s.wait(70, 6)
		}
		s.add(s.end)
		s.alive = false
	}
}

func (s *script) ask(percent int) {
	if s.alive && chance(s.t, percent, "asks") {
		s.add(opRole)
	}
}

// wait adds a pause of up to most milliseconds, sometimes.
func (s *script) wait(percent, most int) { s.words = pause(s.t, s.words, percent, most) }

func pause(t *rapid.T, words []string, percent, most int) []string {
	if !chance(t, percent, "waits") {
		return words
	}
	return append(words, fmt.Sprintf("%s=%dms", opWait, 1+below(t, most, "ms")))
}

// removals uninstalls a few times: when servers start or stop, or beside the
// last one's start, when there is something to remove and nobody in the way.
func removals(t *rapid.T, rounds int) []string {
	var words []string
	often, most := 60, 30
	if chance(t, 50, "last") {
		words = append(words, opLast)
		often, most = 30, 4
	} else {
		for range 4*below(t, rounds, "round") + []int{0, 1, 2, 2}[below(t, 4, "part")] {
			words = append(words, opMeet)
		}
	}
	for range 1 + below(t, 4, "times") {
		words = pause(t, words, often, most)
		words = append(words, pick(t, "how", opUninstall, opUninstall, opForce, opCut))
	}
	return words
}

func questions(t *rapid.T) []string {
	var words []string
	for range 1 + below(t, 3, "questions") {
		words = pause(t, words, 90, 100)
		words = append(words, opStatus)
	}
	return words
}
