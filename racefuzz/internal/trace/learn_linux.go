package trace

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// patienceToLearn is how long a program may take to notice the end of its
// input while it is not yet known whether that ends it. Most never do.
const patienceToLearn = 200 * time.Millisecond

// Cases runs the program undisturbed, alone and then with a second one, to
// learn what it does and what it promises. It returns the cases to explore,
// the smallest first, in which the actors start and stop the program in up to
// that many rounds.
func (p Program) Cases(t Tier, actors, rounds int) ([]race.Case, error) {
	c := race.Case{Tier: "syscall", Target: strings.Join(p.Command, " "), Command: p.Command, Files: p.Files}
	s := settings{ready: p.Ready, stop: p.Stop, losers: p.Losers, pidFile: p.PIDFile, lock: p.LockFile, probe: joinWords(p.Probe), beside: joinWords(p.Beside), inject: p.Inject, calls: everyCall}
	if s.ready == "" {
		s.ready = "quiet"
	}
	if p.Lenient {
		s.lenient = "yes"
	}
	if err := s.learnAlone(t, c); err != nil {
		return nil, err
	}
	if s.losers == "" {
		if err := s.learnLosers(t, c); err != nil {
			return nil, err
		}
	}
	s.faults = p.Faults
	c.Options = s.options()
	stale := race.File{Name: s.pidName(), Kind: race.Regular, Content: strings.ReplaceAll(s.content, "{pid}", "{dead}")}
	cases := []race.Case{p.cast(c, "%d actors, %d round", actors, 1)}
	if s.content != "" {
		cases = append(cases, p.cast(c, "%d actors, %d round, a stale pid file", actors, 1, stale))
	}
	if p.Strict {
		cases = append(cases, p.strict(c, s.pidName(), actors)...)
	}
	if rounds > 1 {
		cases = append(cases, p.cast(c, "%d actors, %d rounds", actors, rounds))
	}
	return cases, nil
}

// cast returns c with its actors, a probe among them if there is one.
func (p Program) cast(c race.Case, title string, actors, rounds int, files ...race.File) race.Case {
	c = c.Clone()
	c.Title = fmt.Sprintf(title, actors, rounds)
	c.Files = append(c.Files, files...)
	for i := range actors {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: slices.Repeat([]string{opStart, opStop}, rounds)})
	}
	if len(p.Probe) > 0 {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(len(c.Actors)), Script: []string{opProbe}})
	}
	if len(p.Beside) > 0 {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(len(c.Actors)), Script: []string{opRun}})
	}
	return c
}

// strict are the cases in which somebody else has a hand.
func (p Program) strict(c race.Case, pidFile string, actors int) []race.Case {
	removed := p.cast(c, "%d actors, %d round, and an operator removes the pid file", actors, 1)
	removed.Actors = append(removed.Actors, race.Actor{Name: race.ActorName(len(removed.Actors)), Script: []string{opRemove}})
	link := p.cast(c, "%d actor, %d round, a link in the place of the pid file", 1, 1,
		race.File{Name: pidFile, Kind: race.Link, Content: "victim"},
		race.File{Name: "victim", Kind: race.Regular, Content: "precious\n"})
	return []race.Case{removed, link}
}

// learnAlone finds out how the program stops, what its pid file holds while
// it serves, and what it leaves behind. Content that differs from start to
// start is no promise.
func (s *settings) learnAlone(t Tier, c race.Case) error {
	ways := []string{"eof", "term", "int"}
	if s.stop != "" {
		ways = []string{s.stop}
	}
	for _, way := range ways {
		s.stop = way
		first, err := s.alone(t, c)
		if err != nil {
			return err
		}
		if !first.stopped {
			continue
		}
		if !first.touches && s.losers == "" {
			return fmt.Errorf("%s: %w", c.Target, race.ErrUntouched)
		}
		second, err := s.direct(t, c, first)
		if err != nil {
			return err
		}
		if first.content == second.content && strings.Contains(first.content, "{pid}") {
			s.content = first.content
		}
		s.leaves = strings.Join(first.left, " ")
		return nil
	}
	return fmt.Errorf("%s stops neither at the end of its input nor on SIGTERM", c.Target)
}

// direct runs the program again, and from then on without what only looks for
// it and then is replaced by it, such as the stand-ins of version managers. It
// must do the same.
func (s *settings) direct(t Tier, c race.Case, first habit) (habit, error) {
	if first.program == "" {
		return s.alone(t, c)
	}
	before := *s
	s.program = first.program
	second, err := s.alone(t, c)
	if err == nil && second.stopped && slices.Equal(second.steps, first.steps) {
		return second, nil
	}
	*s = before
	return s.alone(t, c)
}

// habit is what a program does when it is alone.
type habit struct {
	content string
	left    []string
	stopped bool
	steps   race.Schedule
	touches bool   // anything in the case's directory
	program string // what it is at the end of its execs, if it has the command's arguments
}

func (s *settings) alone(t Tier, c race.Case) (habit, error) {
	h, err := s.once(t, c)
	if err == errBeats {
		return s.once(t, c)
	}
	return h, err
}

// errBeats says that a server does something while it serves, as was not known.
var errBeats = errors.New("it beats")

func (s *settings) once(t Tier, c race.Case) (habit, error) {
	var h habit
	c.Options = s.options()
	c.Actors = []race.Actor{{Name: "a", Script: []string{opStart, opStop}}}
	r, err := start(c, t)
	if err != nil {
		return h, err
	}
	defer r.Close()
	if s.stop == "eof" {
		r.stopLimit = patienceToLearn
	}
	a, served := r.actors[0], false
	for m, _, ok := explore.Onward(r, r.events); ok; m, _, ok = explore.Onward(r, r.events) {
		if m.Op == opStop && s.beats == "" && r.seesBeat(a) {
			s.beats = "yes"
			return h, errBeats
		}
		if m.Op == opStop {
			h.content = pidless(r.pidFile().content)
			h.program = r.replacement(a)
		}
		if _, err := r.Do(m); err != nil {
			return h, err
		}
		if a.phase == stopping && !a.active() {
			return habit{}, nil
		}
		served = served || m.Op == opStop
	}
	if !served {
		said := strings.TrimSpace(string(slurp(r.outputOf(a))))
		return h, &race.EndsError{Program: c.Target, Ending: r.ended, Said: said}
	}
	h.stopped = true
	for _, e := range r.events {
		if e.Result != "ENOENT" { // others may look for what is not there
			h.steps = append(h.steps, e.Step)
			h.touches = h.touches || !slices.Contains([]string{opStart, opStop, opWait}, e.Op)
		}
	}
	for _, e := range r.scene.children() {
		h.left = append(h.left, e.name)
	}
	return h, nil
}

// replacement is what the actor's first process is now, if a script has been
// replaced by a program with the same arguments.
func (r *run) replacement(a *actor) string {
	script, err := os.ReadFile(r.command[0])
	if err != nil || !bytes.HasPrefix(script, []byte("#!")) || a.server != a.first {
		return ""
	}
	base := "/proc/" + strconv.Itoa(a.server.pid)
	words := strings.Split(strings.TrimSuffix(string(slurp(base+"/cmdline")), "\x00"), "\x00")
	resolved, err := filepath.EvalSymlinks(words[0])
	if err != nil || !filepath.IsAbs(words[0]) || resolved != readlink(base+"/exe") ||
		!slices.Equal(words[1:], r.expand(r.command[1:], a)) {
		return ""
	}
	return words[0]
}

// pidless replaces the first name of a process by "{pid}".
func pidless(masked string) string {
	head, rest, ok := strings.Cut(masked, "{a")
	if !ok {
		return masked
	}
	_, tail, _ := strings.Cut(rest, "}")
	return head + "{pid}" + tail
}

// learnLosers starts a second one while the first serves. If it serves as
// well, that is a promise only of a program that takes a lock: one that takes
// none lets everybody run.
func (s *settings) learnLosers(t Tier, c race.Case) error {
	s.losers = "exit"
	c.Options = s.options()
	c.Actors = []race.Actor{{Name: "a", Script: []string{opStart}}, {Name: "b", Script: []string{opStart}}}
	r, err := start(c, t)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, name := range []string{"a", "b"} {
		for slices.ContainsFunc(r.Moves(), func(m race.Move) bool { return race.ActorOf(m.Actor) == name }) {
			i := slices.IndexFunc(r.Moves(), func(m race.Move) bool { return race.ActorOf(m.Actor) == name })
			if _, err := r.Do(r.Moves()[i]); err != nil {
				return err
			}
		}
	}
	if r.actors[1].phase == serving && slices.ContainsFunc(r.scene.locks, func(h held) bool { return !h.shared }) {
		s.losers = "serve"
	}
	return nil
}
