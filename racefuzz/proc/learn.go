package proc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/race"
)

// Program is a daemon that nobody here wrote. In its command and its files
// {pidfile}, {dir} and {caseport} stand for the pid file, the case's directory
// and a TCP port on the loopback interface that is free for all actors, and in
// its command {n} and {port} for the actor's number and a free port of its own.
// What is left empty is found out by running it.
type Program struct {
	Command []string
	Files   []race.File // its files, of kind [race.Config]
	Ready   string      // "file" (the pid file names it; the default), "quiet" (it lives for a while), or a regular expression of its output
	Stop    string      // "eof", "term" or "int"
	Losers  string      // what a refused start does: "exit" or "serve"
	PIDFile string      // name of the pid file in the case's directory, if not the usual one
}

// EndsError is the error of a program that is no server: it ends, alone as it
// is, without having been asked to stop.
type EndsError struct {
	Program string
	Ending  string // such as "exit 0"
	Said    string // the last line of its output
	Daemon  bool   // it has left a process in the background
}

func (e *EndsError) Error() string {
	text := fmt.Sprintf("%s does not stay, alone as it is: %s", e.Program, e.Ending)
	if e.Daemon {
		text = e.Program + " goes into the background"
	}
	if e.Said != "" {
		text += fmt.Sprintf(", and it says %q", e.Said)
	}
	return text
}

// Learn runs the program, alone and then with a second one, to learn what it
// does and what it promises. It returns a case without actors, which
// [DrawProgram] draws from.
func (a *Arena) Learn(ctx context.Context, p Program) (race.Case, error) {
	s := &school{arena: a, ctx: ctx, c: race.Case{Tier: Tier, Target: strings.Join(p.Command, " "), Command: p.Command, Files: p.Files}}
	s.m = manners{ready: p.Ready, stop: p.Stop, losers: p.Losers, pidFile: p.PIDFile, settles: settles.String()}
	if s.m.ready == "" {
		s.m.ready = "file"
	}
	if s.m.losers == "" {
		s.m.losers = "exit"
	}
	if err := s.alone(); err != nil {
		return race.Case{}, err
	}
	if err := s.refused(p.Losers == ""); err != nil {
		return race.Case{}, err
	}
	s.c.Options = s.m.options()
	return s.c, nil
}

// school is where a program is learned.
type school struct {
	arena *Arena
	ctx   context.Context
	c     race.Case
	m     manners
}

// run has the program follow the scripts, and returns what it did.
func (s *school) run(scripts ...[]string) ([]race.Event, error) {
	c := s.c.Clone()
	c.Options = s.m.options()
	for i, script := range scripts {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: script})
	}
	o, err := s.arena.Run(s.ctx, Target{}, c)
	return o.Events, err
}

// alone finds out how the program stops, what its pid file holds while it
// serves, and what it leaves behind. Content that differs from start to start
// is no promise.
func (s *school) alone() error {
	ways := []string{opEOF, opTerm, opInt}
	if runtime.GOOS == "windows" {
		ways = []string{opEOF, opInt}
	}
	if s.m.stop != "" {
		ways = []string{s.m.stop}
	}
	for _, s.m.stop = range ways {
		script := []string{opStart, opReady, opWait + "=50ms", opReady, s.m.stop, opLook} // for it may still write
		first, err := s.run(script)
		if err != nil {
			return err
		}
		content, left, err := s.habits(first)
		if err != nil {
			return err
		}
		if find(first, opOutlives) != nil {
			continue
		}
		second, err := s.run(script)
		if err != nil {
			return err
		}
		again, _, err := s.habits(second)
		if err != nil {
			return err
		}
		if content == again && strings.Contains(content, "{pid}") {
			s.m.content = content
		}
		s.m.leaves = left
		return nil
	}
	return fmt.Errorf("%s does not stop within %v by: %s", s.c.Target, stopTime, strings.Join(ways, ", "))
}

// habits returns what the pid file held while the program served alone, and
// what it left.
func (s *school) habits(events []race.Event) (content, left string, err error) {
	started := find(events, opStart)
	served := slices.DeleteFunc(slices.Clone(events), func(e race.Event) bool { return e.Op != opReady || e.Result != holder })
	if len(served) < 2 {
		return "", "", s.ends(events)
	}
	content = strings.Replace(served[1].File, started.Result, "{pid}", 1)
	if look := find(events, opLook); look != nil && look.Result != nothing {
		left = look.Result
	}
	return content, left, nil
}

// ends says how the program came to its end before it served.
func (s *school) ends(events []race.Event) error {
	e := &EndsError{Program: s.c.Target, Ending: "it never was ready"}
	if exit := find(events, opExit); exit != nil {
		e.Ending, e.Said = "exit "+exit.Result, exit.Detail
		pid, err := strconv.Atoi(strings.TrimSpace(exit.File))
		e.Daemon = exit.Result == "0" && err == nil && strconv.Itoa(pid) != find(events, opStart).Result
	}
	return e
}

// refused starts a second one while the first serves. If it lives on and the
// file still names the first, that is the promise; if not, it is the race.
func (s *school) refused(ask bool) error {
	events, err := s.run([]string{opStart, opReady, opMeet, opMeet}, []string{opMeet, opStart, opReady, opMeet})
	if err != nil {
		return err
	}
	of := func(actor, op string) *race.Event {
		return find(slices.DeleteFunc(slices.Clone(events), func(e race.Event) bool { return e.Actor != actor }), op)
	}
	second, ready, exit := of("b", opStart), of("b", opReady), of("b", opExit)
	switch {
	case second == nil || of("a", opReady) == nil:
		return errors.New(s.c.Target + " does not always become ready, alone as it is")
	case ready == nil && exit != nil:
		s.m.settles = max(settles, 10*(exit.Time-second.Time)).Round(time.Millisecond).String()
	case ask && ready != nil:
		first, _ := strconv.Atoi(of("a", opStart).Result)
		if s.m.names(ready.File, first) {
			s.m.losers = "serve"
		}
	}
	return nil
}

func find(events []race.Event, op string) *race.Event {
	i := slices.IndexFunc(events, func(e race.Event) bool { return e.Op == op })
	if i < 0 {
		return nil
	}
	return &events[i]
}
