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

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// While a program is not known yet, it may take this long to name itself in its
// pid file and to stop, in its own time.
const (
	learnsReady = 3 * time.Second
	learnsStop  = 3 * time.Second
	stopsAtMost = 10 * time.Second // when it is known how to stop it
)

// Learn runs a program undisturbed, to learn what it does and what it promises.
func (a *Arena) Learn(ctx context.Context, p program.Program) (program.Program, error) {
	b := &bench{arena: a, ctx: ctx, settles: settles}
	if p.Content = program.Somewhere; p.Settles == "" {
		p.Settles = learnsReady.String()
	}
	learned, err := p.Learn(b, Tier)
	if err != nil {
		return p, err
	}
	learned.Settles = b.settles.Round(time.Millisecond).String()
	if learned.Ready == "" {
		if learned.Ready = "file"; learned.Content == "" {
			learned.Ready = "quiet"
		}
	}
	return learned, nil
}

// Recheck learns the program of a saved case again, used as it was: one that is
// not there any more, or does not serve even alone, breaks everything.
func (a *Arena) Recheck(ctx context.Context, c race.Case) error {
	p, err := program.Of(c)
	if err != nil {
		return err
	}
	p.Files = slices.DeleteFunc(slices.Clone(c.Files), func(f race.File) bool { return f.Kind != race.Config })
	_, err = a.Learn(ctx, program.Program{Command: p.Command, Files: p.Files, Ready: p.Ready, Stop: p.Stop, Losers: p.Losers, PIDFile: p.PIDFile})
	return err
}

// bench is where a program shows what it does.
type bench struct {
	arena   *Arena
	ctx     context.Context
	settles time.Duration // as in [program.Program], as far as it is known
}

func (*bench) Ways() []string {
	if runtime.GOOS == "windows" {
		return []string{opEOF, opInt}
	}
	return []string{opEOF, opTerm, opInt}
}

func (*bench) Patience(way string, guess bool) string {
	if guess {
		return learnsStop.String()
	}
	return stopsAtMost.String()
}

// run has the program follow the scripts, and returns what it did.
func (b *bench) run(c race.Case, scripts ...[]string) ([]race.Event, error) {
	c = c.Clone()
	for i, script := range scripts {
		c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: script})
	}
	o, err := b.arena.Run(b.ctx, Target{}, c)
	return o.Events, err
}

// Alone looks at the program as soon as it serves, and at another time of the
// day when it has written all.
func (b *bench) Alone(c race.Case, again bool) (h program.Habits, err error) {
	p, err := program.Of(c)
	if err != nil {
		return h, err
	}
	before, while := "0s", "50ms"
	if again {
		before, while = "1s", "1s"
	}
	events, err := b.run(c, []string{opWait + "=" + before, opStart, opReady, opWait + "=" + while, opLook, p.Stop}, []string{opLast, opLook})
	if err != nil {
		return h, err
	}
	started, served, look := find(events, "a", opStart), find(events, "a", opReady), find(events, "a", opLook)
	if served == nil || served.Result != holder || look == nil || find(events, "a", p.Stop) == nil {
		return h, tooEarly(p, c.Target, events)
	}
	h.Stopped = find(events, "a", opOutlives) == nil
	h.Touches = len(listed(look.Result)) > 0
	pid, _ := strconv.Atoi(started.Result)
	if names(p.Content, look.File, pid) {
		b.settles = max(b.settles, 5*(served.Time-started.Time))
		if h.Content = strings.ReplaceAll(look.File, started.Result, "{pid}"); strings.Count(h.Content, "{pid}") > 1 {
			h.Content = program.Somewhere
		}
	} else if other, err := strconv.Atoi(strings.TrimSpace(look.File)); err == nil {
		return h, fmt.Errorf("%s: its pid file names process %d, and the one that was started is %d; let a wrapper exec it", c.Target, other, pid)
	}
	if look := find(events, "b", opLook); look != nil {
		h.Left = listed(look.Result)
	}
	return h, nil
}

// tooEarly says how the program came to its end before it served.
func tooEarly(p program.Program, name string, events []race.Event) error {
	e := &race.EndsError{Program: name, Ending: "it ends"}
	if exit := find(events, "a", opExit); exit != nil {
		e.Ending, e.Said = "exit "+exit.Result, exit.Detail
		pid, err := strconv.Atoi(strings.TrimSpace(exit.File))
		e.Daemon = exit.Result == "0" && err == nil && strconv.Itoa(pid) != find(events, "a", opStart).Result
	}
	if ready := find(events, "a", opReady); ready != nil && ready.Result == noAnswer {
		e.Ending = fmt.Sprintf("no line of its output matches -ready %q within %v", p.Ready, answerTime)
	}
	return e
}

// Beside starts a second one while the first serves. If it lives on and the
// file still names the first, that is the promise; if not, it is the race.
func (b *bench) Beside(c race.Case, ask bool) (company program.Company, err error) {
	p, err := program.Of(c)
	if err != nil {
		return company, err
	}
	p.Settles = b.settles.String()
	c.Options = p.Options()
	events, err := b.run(c, []string{opStart, opReady, opMeet, opMeet}, []string{opMeet, opStart, opReady, opMeet}, []string{opLast, opLook})
	if err != nil {
		return company, err
	}
	first, second := find(events, "a", opStart), find(events, "b", opStart)
	ready, exit := find(events, "b", opReady), find(events, "b", opExit)
	switch {
	case second == nil || find(events, "a", opReady) == nil:
		return company, errors.New(c.Target + " does not always become ready, alone as it is")
	case ready == nil && exit != nil:
		b.settles = max(b.settles, min(10*(exit.Time-second.Time), answerTime))
	case ask && ready != nil:
		pid, _ := strconv.Atoi(first.Result)
		company.Serves = names(p.Content, ready.File, pid)
	}
	if look := find(events, "c", opLook); look != nil { // what was left by one alone is not in it
		company.Left = listed(look.Result)
	}
	return company, nil
}

func find(events []race.Event, actor, op string) *race.Event {
	i := slices.IndexFunc(events, func(e race.Event) bool { return e.Actor == actor && e.Op == op })
	if i < 0 {
		return nil
	}
	return &events[i]
}
