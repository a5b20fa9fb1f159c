package proc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
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

// While a program is not known yet, it may take this long to name itself in its
// pid file and to stop, in its own time.
const (
	learnsReady = 3 * time.Second
	learnsStop  = 3 * time.Second
	stopsAtMost = 10 * time.Second // when it is known how to stop it
)

// Learn runs the program, alone and then with a second one, to learn what it
// does and what it promises. It returns a case without actors, which
// [DrawProgram] draws from.
func (a *Arena) Learn(ctx context.Context, p Program) (race.Case, error) {
	l := &learner{arena: a, ctx: ctx, c: race.Case{Tier: Tier, Target: strings.Join(p.Command, " "), Command: p.Command, Files: p.Files}}
	l.p = profile{ready: cmp.Or(p.Ready, "file"), stop: p.Stop, losers: cmp.Or(p.Losers, "exit"), pidFile: p.PIDFile,
		content: somewhere, settles: learnsReady.String(), stops: learnsStop.String()}
	if p.Stop != "" {
		l.p.stops = stopsAtMost.String()
	}
	if err := l.alone(p.Losers == ""); err != nil {
		return race.Case{}, err
	}
	if p.Ready == "" && l.p.content == "" {
		l.p.ready = "quiet"
	}
	if err := l.beside(p.Losers == ""); err != nil {
		return race.Case{}, err
	}
	l.p.stops = stopsAtMost.String()
	l.c.Options = l.p.options()
	return l.c, nil
}

// Recheck learns the program of a saved case again, used as it was: one that is
// not there any more, or does not serve even alone, breaks everything.
func (a *Arena) Recheck(ctx context.Context, c race.Case) error {
	p, err := profileOf(c)
	if err != nil {
		return err
	}
	files := slices.DeleteFunc(slices.Clone(c.Files), func(f race.File) bool { return f.Kind != race.Config })
	_, err = a.Learn(ctx, Program{Command: c.Command, Files: files, Ready: p.ready, Stop: p.stop, Losers: p.losers, PIDFile: p.pidFile})
	return err
}

// learner runs a program that is not known yet.
type learner struct {
	arena *Arena
	ctx   context.Context
	c     race.Case
	p     profile // what is known
}

// run has the program follow the scripts, and returns what it did.
func (l *learner) run(scripts ...[]string) ([]race.Event, error) {
	c := l.c.Clone()
	c.Options = l.p.options()
	for i, script := range scripts {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: script})
	}
	o, err := l.arena.Run(l.ctx, Target{}, c)
	return o.Events, err
}

// alone finds out how the program stops, what its pid file holds while it
// serves, how soon, and what it leaves behind. Content that changes is no
// promise but for the pid in it.
func (l *learner) alone(mustTouch bool) error {
	ways := []string{opEOF, opTerm, opInt}
	if runtime.GOOS == "windows" {
		ways = []string{opEOF, opInt}
	}
	if l.p.stop != "" {
		ways = []string{l.p.stop}
	}
	for _, l.p.stop = range ways {
		first, err := l.habits("0s", "50ms")
		if err != nil {
			return err
		}
		if !first.stopped {
			continue
		}
		if mustTouch && len(first.has) == 0 {
			return fmt.Errorf("%s: %w", l.c.Target, race.ErrUntouched)
		}
		if first.content != "" {
			second, err := l.habits("1s", "1s") // when the time of day is another, and it has written all
			if err != nil {
				return err
			}
			if second.content != first.content {
				first.content = somewhere
			}
			first.took = max(first.took, second.took)
		}
		l.p.content = first.content
		l.p.leaves = strings.Join(first.left, separator)
		l.p.settles = max(settles, 5*first.took).Round(time.Millisecond).String()
		return nil
	}
	return fmt.Errorf("%s does not stop within %s by: %s", l.c.Target, l.p.stops, strings.Join(ways, ", "))
}

// habits is what a program does when it is alone.
type habits struct {
	content string        // of the pid file while it serves, or "" when the pid is not in it
	took    time.Duration // until it was
	has     []string      // names in the directory while it serves
	left    []string      // and when it has stopped
	stopped bool
}

func (l *learner) habits(before, while string) (habits, error) {
	events, err := l.run([]string{opWait + "=" + before, opStart, opReady, opWait + "=" + while, opLook, l.p.stop}, []string{opLast, opLook})
	if err != nil {
		return habits{}, err
	}
	started, served, look := find(events, "a", opStart), find(events, "a", opReady), find(events, "a", opLook)
	if served == nil || served.Result != holder || look == nil || find(events, "a", l.p.stop) == nil {
		return habits{}, l.ends(events)
	}
	h := habits{stopped: find(events, "a", opOutlives) == nil}
	pid, _ := strconv.Atoi(started.Result)
	if file := look.File; l.p.names(file, pid) {
		h.took = served.Time - started.Time
		if h.content = strings.ReplaceAll(file, started.Result, "{pid}"); strings.Count(h.content, "{pid}") > 1 {
			h.content = somewhere
		}
	} else if other, err := strconv.Atoi(strings.TrimSpace(file)); err == nil {
		return h, fmt.Errorf("%s: its pid file names process %d, and the one that was started is %d; let a wrapper exec it", l.c.Target, other, pid)
	}
	h.has = listed(look.Result)
	if look := find(events, "b", opLook); look != nil {
		h.left = listed(look.Result)
	}
	return h, nil
}

// ends says how the program came to its end before it served.
func (l *learner) ends(events []race.Event) error {
	e := &race.EndsError{Program: l.c.Target, Ending: "it ends"}
	if exit := find(events, "a", opExit); exit != nil {
		e.Ending, e.Said = "exit "+exit.Result, exit.Detail
		pid, err := strconv.Atoi(strings.TrimSpace(exit.File))
		e.Daemon = exit.Result == "0" && err == nil && strconv.Itoa(pid) != find(events, "a", opStart).Result
	}
	if ready := find(events, "a", opReady); ready != nil && ready.Result == noAnswer {
		e.Ending = fmt.Sprintf("no line of its output matches -ready %q within %v", l.p.ready, answerTime)
	}
	return e
}

// beside starts a second one while the first serves. If it lives on and the
// file still names the first, that is the promise; if not, it is the race.
func (l *learner) beside(ask bool) error {
	events, err := l.run([]string{opStart, opReady, opMeet, opMeet}, []string{opMeet, opStart, opReady, opMeet}, []string{opLast, opLook})
	if err != nil {
		return err
	}
	first, second := find(events, "a", opStart), find(events, "b", opStart)
	ready, exit := find(events, "b", opReady), find(events, "b", opExit)
	switch {
	case second == nil || find(events, "a", opReady) == nil:
		return errors.New(l.c.Target + " does not always become ready, alone as it is")
	case ready == nil && exit != nil:
		known, _ := time.ParseDuration(l.p.settles)
		l.p.settles = max(known, min(10*(exit.Time-second.Time), answerTime)).Round(time.Millisecond).String()
	case ask && ready != nil:
		if pid, _ := strconv.Atoi(first.Result); l.p.names(ready.File, pid) {
			l.p.losers = "serve"
		}
	}
	if look := find(events, "c", opLook); look != nil { // what was left by one alone is not in it
		l.p.leaves = strings.Join(append(listed(l.p.leaves), listed(look.Result)...), separator)
	}
	return nil
}

func find(events []race.Event, actor, op string) *race.Event {
	i := slices.IndexFunc(events, func(e race.Event) bool { return e.Actor == actor && e.Op == op })
	if i < 0 {
		return nil
	}
	return &events[i]
}
