package trace

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// Killed runs each command alone, kills all of its processes before each of the
// calls by which it changes something, in turn, and runs it again. Then it must
// end, and leave, as if it had run once.
func (c *Commands) Killed(ctx context.Context, p *explore.Progress) (result explore.Result, err error) {
	for i := range c.Lines {
		of := c.Case()
		of.Actors = of.Actors[i : i+1]
		of.Actors[0].Script = []string{opRun, opRun}
		killed := true
		for n := 1; killed && ctx.Err() == nil; n++ {
			err := c.try(of, &result, p, func(r *run) (err error) {
				killed, err = r.killBefore(n)
				return err
			})
			if err != nil || result.Witness != nil {
				return result, err
			}
		}
	}
	return result, nil
}

// killBefore kills the only command before its nth change, and runs it again. It
// reports whether there are so many.
func (r *run) killBefore(n int) (killed bool, err error) {
	a := r.actors[0]
	for range commandSteps {
		moves := slices.DeleteFunc(r.Moves(), func(m race.Move) bool { return m.Fault != race.NoFault })
		if len(moves) == 0 || !killed && a.first != nil && a.first.ended {
			return killed, nil
		}
		m := r.onward(moves)
		if _, p := r.lane(m.Actor); !killed && p != nil && p.next() != nil && p.next().call.changesFiles() {
			if n--; n == 0 {
				killed = true
				if err := r.kill(a, p.next().call); err != nil {
					return true, err
				}
				continue
			}
		}
		if _, err := r.Do(m); err != nil {
			return killed, err
		}
	}
	return killed, fmt.Errorf("no end after %d steps", commandSteps)
}

// changesFiles reports whether the call may change more than who lives.
func (c call) changesFiles() bool { return c.Changes() && !c.Does(syscalls.Ends) }

// kill ends all processes of a command before a call, and has the reader look.
func (r *run) kill(a *actor, before call) error {
	for _, p := range a.procs {
		unix.Kill(p.pid, unix.SIGKILL)
	}
	for _, p := range a.procs {
		for !p.ended {
			if !r.poll() {
				runtime.Gosched()
			}
		}
	}
	a.phase, a.first = absent, nil
	words := before.words
	if r.noisy(before.file) {
		words = r.maskName(before.file)
	}
	e := race.Event{Step: race.Step{Actor: a.name, Op: opCrash, Result: "ok"}, Detail: strings.TrimSpace(beforeCall + before.Name + " " + words)}
	r.observe(a, nil, e)
	a.history = append(a.history, e.String())
	if r.tier.commands.Place.Reader != nil {
		return r.read()
	}
	return nil
}

// beforeCall stands in the detail of a kill before the call that was not made.
const beforeCall = "before "

// killedAt is the stop of a kill.
func killedAt(events []race.Event, i int) Stop {
	call, detail, _ := strings.Cut(strings.TrimPrefix(first(events[i].Detail), beforeCall), " ")
	actor := race.ActorOf(events[i].Actor)
	return Stop{Actor: actor, Op: call, Nth: made(events[:i], actor, call, detail) + 1, Detail: detail}
}

// killNow kills an actor that is at its stop.
func (r *run) killNow(name string) error {
	a, p := r.lane(name)
	for _, other := range a.procs {
		if other.next() != nil {
			p = other
		}
	}
	if p == nil || p.next() == nil {
		return &explore.Diverged{Index: len(r.events), Want: race.Step{Actor: name, Op: opCrash}, Got: name + " has ended"}
	}
	return r.kill(a, p.next().call)
}

// judgeKilled judges a command that was killed and has been run again.
func (r *run) judgeKilled(set *Commands) error {
	a := r.actors[0]
	end := r.ending(a)
	snapshot, err := set.Place.Snapshot(nil)
	if err != nil {
		return err
	}
	word, err := set.Known.JudgeAgain(a.index, end, snapshot)
	if err != nil {
		return err
	}
	for i := range r.events {
		if e := r.events[i]; e.Op == opCrash && word.Rule != "" {
			word.Reason = fmt.Sprintf("%s was killed %s: %s", a.name, first(e.Detail), word.Reason)
		}
	}
	r.word = &word
	return nil
}
