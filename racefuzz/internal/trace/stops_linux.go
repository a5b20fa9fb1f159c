package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/content"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Stop says how far an actor goes on in one go: until it is about to make, for
// the nth time, a call with these operands. Without a call it goes on for as
// long as it can. Programs that do things in threads do not make their calls in
// the same order each time, so that the number of a step says nothing.
type Stop struct {
	Actor  string
	Op     string
	Nth    int
	Detail string
}

// String returns "a openat 1 config.json O_RDONLY".
func (s Stop) String() string {
	if s.Op == "" {
		return s.Actor
	}
	return fmt.Sprintf("%s %s %d %s", s.Actor, s.Op, s.Nth, s.Detail)
}

// ParseStop is the inverse of [Stop.String].
func ParseStop(text string) (s Stop, err error) {
	words := strings.SplitN(text, " ", 4)
	if s.Actor = words[0]; len(words) == 1 {
		return s, nil
	}
	if len(words) < 3 {
		return s, fmt.Errorf("%q is no stop: want ACTOR CALL NUMBER OPERANDS", text)
	}
	s.Op = words[1]
	s.Nth, err = strconv.Atoi(words[2])
	if len(words) == 4 {
		s.Detail = words[3]
	}
	return s, err
}

// StopsOf says of events where the actors were stopped.
func StopsOf(events []race.Event) (stops []Stop) {
	for i := 1; i < len(events); i++ {
		actor := race.ActorOf(events[i-1].Actor)
		if events[i].Op == opCrash {
			stops = append(stops, killedAt(events, i), Stop{Actor: actor, Op: opCrash})
			continue
		}
		if race.ActorOf(events[i].Actor) == actor {
			continue
		}
		s := Stop{Actor: actor}
		if j := slices.IndexFunc(events[i:], func(e race.Event) bool { return race.ActorOf(e.Actor) == actor }); j >= 0 {
			next := events[i+j]
			s.Op, s.Detail = next.Op, first(next.Detail)
			s.Nth = made(events[:i], actor, s.Op, s.Detail) + 1
		}
		stops = append(stops, s)
	}
	return stops
}

// made counts the calls of an actor that are like one.
func made(events []race.Event, actor, op, detail string) (n int) {
	for _, e := range events {
		if race.ActorOf(e.Actor) == actor && e.Op == op && content.Alike(first(e.Detail), detail) {
			n++
		}
	}
	return n
}

// Repeat runs a case with the actors stopped in these places, and then to its
// end. It returns as well the file in which it shows what it breaks. The error
// is a [*explore.Diverged] if an actor does not come to where it is to be stopped.
func (c *Commands) Repeat(of race.Case, stops []Stop) (w explore.Witness, file string, err error) {
	w.Case = of
	started, err := c.Start(of)
	if err != nil {
		return w, "", err
	}
	defer started.Close()
	r := started.(*run)
	for _, s := range stops {
		if s.Actor == reader {
			if err := r.read(); err != nil {
				return w, "", err
			}
			continue
		}
		if s.Op == opCrash {
			if err := r.killNow(s.Actor); err != nil {
				return w, "", err
			}
			continue
		}
		if err := r.goOn(s); err != nil {
			return w, "", err
		}
	}
	for m, _, ok := explore.Onward(r, r.events); ok && len(r.events) < commandSteps; m, _, ok = explore.Onward(r, r.events) {
		if _, err := r.Do(m); err != nil {
			return w, "", err
		}
	}
	w.Events, w.Verdict = r.events, r.Verdict()
	if r.word != nil {
		file = r.word.File
	}
	return w, file, nil
}

// goOn lets an actor go on until its stop.
func (r *run) goOn(s Stop) error {
	for range commandSteps {
		var own []race.Move
		for _, m := range r.Moves() {
			if race.ActorOf(m.Actor) == s.Actor {
				own = append(own, m)
			}
		}
		switch {
		case len(own) == 0 && s.Op == "", s.Op != "" && slices.ContainsFunc(own, func(m race.Move) bool { return r.isAt(m, s) }):
			return nil
		case len(own) == 0:
			return &explore.Diverged{Index: len(r.events), Want: race.Step{Actor: s.Actor, Op: cmp.Or(s.Op, "end")}, Got: s.Actor + " did not come to it"}
		}
		if _, err := r.Do(r.onward(own)); err != nil {
			return err
		}
	}
	return fmt.Errorf("no end after %d steps", commandSteps)
}

// isAt reports whether the move is the one that the stop is before.
func (r *run) isAt(m race.Move, s Stop) bool {
	_, p := r.lane(m.Actor)
	if p == nil || p.next() == nil {
		return m.Op == s.Op && s.Detail == ""
	}
	c := p.next().call
	words := c.words
	if r.noisy(c.file) {
		words = r.maskName(c.file)
	}
	return c.Name == s.Op && content.Alike(words, s.Detail) && made(r.events, s.Actor, s.Op, s.Detail) == s.Nth-1
}
