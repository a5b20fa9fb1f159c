package proc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Commands are command lines that share files, which are started together, each
// at a drawn moment. All tries are in the same place, so there is one at a time.
type Commands struct {
	commands.Set
	arena *Arena
	limit time.Duration   // of a command, in its own time
	alone []time.Duration // the shortest that each has taken to succeed while no other ran
}

// Commands returns commands whose place is in the arena, which runs nothing else
// from now on.
func (a *Arena) Commands() (*Commands, error) {
	a.Workers = 1
	set, err := commands.NewSet(filepath.Join(a.Dir, "place"), nil)
	return &Commands{Set: set, arena: a, limit: commands.Limit}, err
}

// Learn runs the commands in every order, and learns from that how to judge, and
// how long each takes. The errors are those of [commands.Serially] and
// [commands.Learn].
func (c *Commands) Learn(ctx context.Context, ignored []string) error {
	c.alone = make([]time.Duration, len(c.Lines))
	orders, err := commands.Serially(ctx, c.Place, c.Lines, c, nil)
	if err != nil {
		return err
	}
	c.Known, err = commands.Learn(c.Place, orders, commands.ChangedByOne(orders), ignored)
	return err
}

// Run implements [commands.Runner].
func (c *Commands) Run(ctx context.Context, _ *commands.Place, who int, _ commands.Line) (commands.Ending, error) {
	r := c.attempt()
	err := r.run(ctx, []int{who}, make([]time.Duration, len(c.Lines)))
	if took := r.took[who]; err == nil && !r.ends[who].Failed() && (c.alone[who] == 0 || took < c.alone[who]) {
		c.alone[who] = took
	}
	return r.ends[who], err
}

// DrawCommands returns the try that belongs to a seed: one of n commands starts
// at once, and each of the others after a share of the time that the longest
// beside it takes alone. Small shares are for commands that do the same.
func DrawCommands(n int, options map[string]string, seed uint64) race.Case {
	return rapid.Custom(func(t *rapid.T) race.Case {
		c := race.Case{Tier: Tier, Target: "commands", Options: maps.Clone(options)}
		first := below(t, n, "first")
		for i := range n {
			a := race.Actor{Name: race.ActorName(i), Script: []string{opStart}}
			most := []int{0, 60, 250, 1000}[below(t, 4, "most")]
			if share := below(t, most+1, "share"); share > 0 && i != first {
				a.Script = []string{fmt.Sprintf("%s=%.1f%%", opWait, float64(share)/10), opStart}
			}
			c.Actors = append(c.Actors, a)
		}
		return c
	}).Example(int(seed))
}

// delays are how long the commands of a try wait before they start.
func (c *Commands) delays(of race.Case) ([]time.Duration, error) {
	if len(of.Actors) != len(c.Lines) {
		return nil, fmt.Errorf("%d actors for %d commands", len(of.Actors), len(c.Lines))
	}
	delays := make([]time.Duration, len(c.Lines))
	for i, a := range of.Actors {
		var longest time.Duration
		for other, took := range c.alone {
			if other != i {
				longest = max(longest, took)
			}
		}
		share, known := 0.0, len(a.Script) > 0 && a.Script[len(a.Script)-1] == opStart
		if known && len(a.Script) == 2 {
			var err error
			text, waits := strings.CutPrefix(a.Script[0], opWait+"=")
			share, err = strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
			known = waits && err == nil && 0 <= share && share <= 100
		}
		if !known || len(a.Script) > 2 {
			return nil, fmt.Errorf("actor %s: %q is no command that starts", a.Name, a.Script)
		}
		delays[i] = time.Duration(share / 100 * float64(longest))
	}
	return delays, nil
}

// try runs the commands once, together.
func (c *Commands) try(ctx context.Context, of race.Case) (o Outcome, err error) {
	delays, err := c.delays(of)
	if err != nil {
		return o, err
	}
	if err := c.Place.Restore(); err != nil {
		return o, err
	}
	all := make([]int, len(c.Lines))
	for i := range all {
		all[i] = i
	}
	r := c.attempt()
	if of.Options["pidfile"] != "" {
		r.file = of.PIDFile()
	}
	if err := r.run(ctx, all, delays); err != nil {
		return o, err
	}
	word, err := c.Judge(r.ends)
	o = Outcome{Events: r.events, Servers: len(all), File: word.File}
	if word.Rule != "" {
		o.Verdict = race.Verdict{Invariant: word.Rule, Reason: word.Reason, Event: len(r.events) - 1}
	}
	if err == nil && word.File != r.file {
		err = r.lookBack(word.File)
	}
	return o, err
}

// attempt is some of the commands being run at the same time.
type attempt struct {
	*Commands
	group *group
	epoch time.Time
	ends  []commands.Ending
	took  []time.Duration // from the start of a command to its end
	file  string          // that the events show, or ""

	mu      sync.Mutex
	events  []race.Event
	running int
}

func (c *Commands) attempt() *attempt {
	return &attempt{Commands: c, ends: make([]commands.Ending, len(c.Lines)), took: make([]time.Duration, len(c.Lines))}
}

// run runs some of the commands, each after its delay, to the ends of all. What
// they leave running is ended then, as everything is when ctx ends.
func (r *attempt) run(ctx context.Context, who []int, delays []time.Duration) (err error) {
	if r.group, err = newUnstoppable(); err != nil {
		return err
	}
	interrupted := context.AfterFunc(ctx, r.group.kill)
	defer interrupted()
	errs := make([]error, len(r.ends))
	waits := make([]chan struct{}, len(r.ends))
	var all sync.WaitGroup
	r.epoch = time.Now()
	for _, i := range who {
		waits[i] = make(chan struct{})
		all.Go(func() {
			select {
			case <-ctx.Done():
				close(waits[i])
			case <-time.After(delays[i] - time.Since(r.epoch)):
				errs[i] = r.one(i, waits[i])
			}
		})
	}
	all.Wait()
	r.group.kill()
	endOrphans(filepath.Dir(r.Place.Dir))
	for _, i := range who {
		<-waits[i]
	}
	return cmp.Or(ctx.Err(), errors.Join(errs...))
}

// one runs a command until it ends, or its time is over. Ended is closed when its
// process is gone.
func (r *attempt) one(i int, ended chan struct{}) error {
	name := race.ActorName(i)
	said, err := os.Create(filepath.Join(filepath.Dir(r.Place.Dir), "said."+name))
	if err != nil {
		close(ended)
		return err
	}
	defer said.Close()
	var words []string
	for _, word := range r.Lines[i].Words {
		words = append(words, strings.ReplaceAll(word, "{dir}", r.Place.Dir))
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.Place.Dir, said, said // to a file, which need not be waited for
	cmd.Env = append(commands.Env(os.Environ(), r.Place.Dir), caseVariable+"="+r.Place.Dir)
	r.record(race.Step{Actor: name, Op: opStart, Result: "ok"}, "", 1)
	began := time.Now()
	if err := r.group.start(cmd); err != nil {
		close(ended)
		return &commands.Refusal{Reason: fmt.Sprintf("%s (%s) does not start: %v", name, r.Lines[i].Text, err), Remedy: "name a program that this system can run"}
	}
	go func() {
		cmd.Wait()
		close(ended)
	}()
	e := commands.Ending{Waits: "something"}
	if r.arena.within(r.limit, ended, func() bool { return busy(cmd.Process.Pid) }) {
		r.took[i] = time.Since(began)
		e = endingOf(cmd.ProcessState)
	}
	if text, err := os.ReadFile(said.Name()); err == nil {
		e.Said = strings.TrimSpace(string(text[max(0, len(text)-mostSaid):]))
	}
	r.ends[i] = e
	detail := ""
	if e.Failed() {
		detail = firstLine([]byte(e.Said))
	}
	r.record(race.Step{Actor: name, Op: opExit, Result: strings.TrimPrefix(e.String(), "exit ")}, oneLine(detail), -1)
	return nil
}

// mostSaid is how much is kept of what a command says, in bytes.
const mostSaid = 400

// endingOf is how a process ended.
func endingOf(state *os.ProcessState) commands.Ending {
	e := commands.Ending{Exit: state.ExitCode()}
	if name, number := signalOf(state); name != "" {
		e.Exit, e.Signal = 128+number, name
	}
	return e
}

// record adds an event, before a start and after an end. On Windows somebody who
// has a file open keeps others from renaming one over it, so nobody looks while a
// command runs.
func (r *attempt) record(step race.Step, detail string, starts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := race.Event{Step: step, Detail: detail, Time: time.Since(r.epoch), File: noFile}
	if r.running += min(starts, 0); r.file != "" {
		if runtime.GOOS == "windows" && r.running > 0 {
			e.File = r.events[len(r.events)-1].File
		} else {
			e.File = r.look(r.file)
		}
	}
	r.running += max(starts, 0)
	r.events = append(r.events, e)
}

func (r *attempt) look(file string) string {
	return peek(filepath.Join(r.Place.Dir, filepath.FromSlash(file)))
}

// lookBack has the events show another file, of which only the beginning and the
// end are known.
func (r *attempt) lookBack(file string) error {
	after, before := noFile, noFile
	if file != "" {
		after = r.look(file)
		if err := r.Place.Restore(); err != nil {
			return err
		}
		before = r.look(file)
	}
	for i := range r.events {
		r.events[i].File = before
	}
	r.events[len(r.events)-1].File = after
	return nil
}
