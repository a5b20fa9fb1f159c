package trace

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// reader is the actor that reads what is in the place, and opRead its step.
const (
	reader = "reader"
	opRead = "reads"
)

// Whole runs each command alone, with the reader after every step that changes
// something, and returns the first in which it finds what is there neither before
// nor after a command.
func (c *Commands) Whole(ctx context.Context, p *explore.Progress) (result explore.Result, err error) {
	for i := 0; c.Place.Reader != nil && i < len(c.Lines) && ctx.Err() == nil; i++ {
		err := c.try(c.Case(), &result, p, func(r *run) error { return r.readThroughout(race.ActorName(i)) })
		if err != nil || result.Witness != nil {
			return result, err
		}
	}
	return result, nil
}

// try has one schedule run and adds what comes of it.
func (c *Commands) try(of race.Case, result *explore.Result, p *explore.Progress, moves func(*run) error) error {
	started, err := c.Start(of)
	if err != nil {
		return err
	}
	defer started.Close()
	r := started.(*run)
	err = moves(r)
	result.Schedules++
	result.Steps += len(r.events)
	p.Ran(len(r.events))
	if v := r.Verdict(); v.Broken() {
		result.Witness = &explore.Witness{Case: of, Events: r.events, Verdict: v}
	}
	return err
}

// readThroughout runs one command first, the reader after each of its changes,
// and then the others.
func (r *run) readThroughout(who string) error {
	for range commandSteps {
		moves := r.Moves()
		if len(moves) == 0 {
			return nil
		}
		if own := slices.DeleteFunc(slices.Clone(moves), func(m race.Move) bool { return race.ActorOf(m.Actor) != who }); len(own) > 0 {
			moves = own
		}
		m := r.onward(moves)
		e, err := r.Do(m)
		if err != nil {
			return err
		}
		if race.ActorOf(m.Actor) == who && changed(e) && r.word == nil && len(r.Moves()) > 0 {
			if err := r.read(); err != nil {
				return err
			}
		}
	}
	return nil
}

// read has the reader read. Unless it finds something torn, that is no event of
// the run, for it changes nothing.
func (r *run) read() error {
	set := r.tier.commands
	s, err := set.Place.Snapshot(nil)
	if err != nil {
		return err
	}
	if whole, err := set.Known.Whole(s); err != nil || whole {
		return err
	}
	said := strconv.Quote(s.Said())
	if len(said) > mostShown {
		said = said[:mostShown] + "…"
	}
	last := r.events[len(r.events)-1]
	after := fmt.Sprintf("after %s %s", last.Actor, last.Op)
	r.word = &commands.Word{Rule: race.ReadersFindNothingTorn, Reason: strings.TrimSpace(after + " a reader finds " + said + ", which is there neither before nor after a command")}
	r.wordAt = len(r.events)
	last.Step, last.Detail, last.Preempted = race.Step{Actor: reader, Op: opRead, Result: said}, "", true
	r.events = append(r.events, last)
	return nil
}
