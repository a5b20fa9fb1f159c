package proc

import (
	"fmt"
	"runtime"

	"pgregory.net/rapid"

	"github.com/memlatch/memlatch/racefuzz/race"
)

// Draw returns the case that belongs to a seed, with 2 to procs servers. It
// knows nothing of the target.
func Draw(seed uint64, procs int) race.Case { return cases(procs).Example(int(seed)) }

// cases generates cases in rounds. In each round servers start, together or
// nearly so; then all are asked and asked to do things; then some stop, some
// of those start again, and the others wait for the pid file to name one that
// lives. In the end, when nobody is left, one more starts, finds what there
// is to find and leaves nothing behind.
func cases(procs int) *rapid.Generator[race.Case] {
	return rapid.Custom(func(t *rapid.T) race.Case {
		c := race.Case{Tier: Tier}
		initial(t, &c)
		servers := rapid.IntRange(2, max(2, procs)).Draw(t, "servers")
		rounds := rapid.IntRange(1, 3).Draw(t, "rounds")
		for i := range servers {
			s := &script{t: t}
			for r := range rounds {
				s.round(r)
			}
			s.stop()
			c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: s.words})
		}
		last := []string{opLast, opLook, opStart, opInitialize, opRole, opSettle, opRole, opList, opEOF, opLook, opStatus, opLook}
		if chance(t, 40, "uninstall") {
			c.Actors = append(c.Actors, race.Actor{Name: "remover", Script: removals(t, rounds)})
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

// chance is true in so many of a hundred draws. The integers that rapid draws
// are small ones for the most part; its bits are fair.
func chance(t *rapid.T, percent int, label string) bool {
	const bits = 7
	n := 0
	for range bits {
		n *= 2
		if rapid.Bool().Draw(t, label) {
			n++
		}
	}
	return n*100 < percent<<bits
}

func pick(t *rapid.T, label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

// initial draws what the servers find. Half of the cases start with nothing.
func initial(t *rapid.T, c *race.Case) {
	file := func(content string) race.File {
		return race.File{Name: race.PIDFile, Kind: race.Regular, Content: content}
	}
	kinds := []string{"empty", "stale", "longer", "garbage", "stranger", "directory", "read-only"}
	if runtime.GOOS != "windows" {
		kinds = append(kinds, "link", "dangling", "fifo", "open")
	}
	if chance(t, 50, "fresh") {
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

func (s *script) round(r int) {
	if !s.alive && chance(s.t, 75, "starts") {
		s.start()
	}
	s.ask(40)
	s.add(opMeet)
	if s.alive {
		for range rapid.IntRange(0, 3).Draw(s.t, "calls") {
			s.add(pick(s.t, "call", opRole, opRole, opAdd, opAdd, opList, opBurst))
		}
	}
	s.ask(80)
	s.add(opMeet)
	switch {
	case s.alive && chance(s.t, 50, "stops"):
		s.wait(40, 20)
		s.stop()
		if chance(s.t, 40, "again") {
			s.start()
		}
	case s.alive && chance(s.t, 70, "settles"):
		s.add(opSettle, opRole)
	case !s.alive && chance(s.t, 30, "joins"):
		s.start()
	}
	s.add(opMeet)
}

// start starts a server and has it answer, or, as hosts do that only want to
// know whether they could, ends it before it has.
func (s *script) start() {
	s.wait(30, 15)
	ends := []string{opEOF, opEOF, opTerm, opTerm, opKill, opKill, opAgain}
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
		s.wait(80, 10)
		s.stop()
		return
	}
	s.add(opInitialize, opRole)
}

func (s *script) stop() {
	if s.alive {
		if chance(s.t, 25, "busy") {
			s.add(opBurst)
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
	return append(words, fmt.Sprintf("%s=%dms", opWait, rapid.IntRange(1, most).Draw(t, "ms")))
}

// removals uninstalls once or twice, at the beginning of a part of a round.
func removals(t *rapid.T, rounds int) []string {
	var words []string
	for range rapid.IntRange(0, 3*rounds-1).Draw(t, "meetings") {
		words = append(words, opMeet)
	}
	for range rapid.IntRange(1, 2).Draw(t, "times") {
		words = pause(t, words, 60, 30)
		words = append(words, pick(t, "how", opUninstall, opUninstall, opForce, opCut))
	}
	return words
}

func questions(t *rapid.T) []string {
	var words []string
	for range rapid.IntRange(1, 4).Draw(t, "questions") {
		words = pause(t, words, 90, 100)
		words = append(words, opStatus)
	}
	return words
}
