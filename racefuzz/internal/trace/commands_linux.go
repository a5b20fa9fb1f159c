package trace

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// commandSteps are as many as a schedule of commands may have, which look for a
// lot of files.
const commandSteps = 20000

// Plan is to explore every schedule within so many preemptions.
func (c *Commands) Plan(preemptions, limit int, p *explore.Progress) explore.Plan {
	return explore.Plan{
		Tier:     c,
		Cases:    []race.Case{c.Case()},
		Bounds:   explore.Bounds{Preemptions: preemptions},
		Limit:    limit,
		Longest:  commandSteps,
		Progress: p,
	}
}

// line is the command of an actor.
func (c *Commands) line(i int) string {
	if c == nil {
		return ""
	}
	return c.Lines[i].Text
}

// Case is the commands as a case of this tier.
func (c *Commands) Case() race.Case {
	made := race.Case{Tier: "syscall", Target: "commands"}
	for i := range c.Lines {
		made.Actors = append(made.Actors, race.Actor{Name: race.ActorName(i), Script: []string{opRun}})
	}
	return made
}

// Text is the command line of an actor.
func (c *Commands) Text(actor string) string { return c.Lines[slices.Index(actorNames, actor)].Text }

// Start implements [race.Tier].
func (c *Commands) Start(of race.Case) (race.Run, error) {
	t := c.Tier
	t.commands = c
	return t.Start(of)
}

// Run implements [commands.Runner]: it runs one command under the tracer, in the
// place as it is.
func (c *Commands) Run(ctx context.Context, _ *commands.Place, who int, _ commands.Line) (commands.Ending, error) {
	t := c.Tier
	t.commands = c
	c.serial = true
	defer func() { c.serial = false }()
	only := c.Case()
	only.Actors = only.Actors[who : who+1]
	r, err := start(only, t)
	if err != nil {
		return commands.Ending{}, err
	}
	defer r.Close()
	r.outside = map[string]bool{}
	defer func() { c.touchOutside(who, r.outside) }()
	for ctx.Err() == nil {
		m, _, ok := explore.Onward(r, r.events)
		if !ok {
			return r.ending(r.actors[0]), nil
		}
		if _, err := r.Do(m); err != nil {
			return commands.Ending{}, err
		}
	}
	return commands.Ending{}, ctx.Err()
}

// setUpCommands prepares a run of commands instead of a program's.
func (r *run) setUpCommands() error {
	if set := r.tier.commands; !set.serial {
		if err := set.Place.Restore(); err != nil {
			return err
		}
	}
	r.common = strings.NewReplacer("{dir}", r.dir)
	for _, a := range r.c.Actors {
		r.actors = append(r.actors, &actor{name: a.Name, script: a.Script, index: slices.Index(actorNames, a.Name)})
	}
	r.teller = newTeller(r.settings, nil, judge.File{}, r.names(), nil)
	return r.lookFirst()
}

var actorNames = []string{"a", "b", "c", "d"}

// environment is what the actors' processes get.
func (r *run) environment() []string {
	if r.tier.commands == nil {
		return r.surroundings()
	}
	return commands.Env(os.Environ(), r.dir)
}

// beginning is the command of an actor that is no server.
func (r *run) beginning(a *actor) []string {
	if r.tier.commands == nil {
		return r.beside
	}
	return r.tier.commands.Lines[a.index].Words
}

// touch notes which file a call is about.
func (r *run) touch(a *actor, c call) {
	set := r.tier.commands
	if set == nil || set.Touched == nil {
		return
	}
	for _, name := range c.places {
		if name == "" || name == "." || c.Shows.As == syscalls.Entries {
			continue
		}
		if set.Touched[name] == nil {
			set.Touched[name] = map[int]bool{}
		}
		set.Touched[name][a.index] = set.Touched[name][a.index] || c.Changes()
	}
}

// unfinished reports whether the command has been started and has not ended.
func (a *actor) unfinished() bool { return a.first != nil && !a.first.ended }

// awaitCommands waits, where nobody can make a move, until one of those that
// have not ended makes one or ends: it takes time. Whoever waits for a lock
// while nobody else goes on waits in vain.
func (r *run) awaitCommands() {
	if r.tier.commands == nil {
		return
	}
	over := func() bool {
		r.bury()
		return len(r.Moves()) > 0 || !slices.ContainsFunc(r.actors, (*actor).unfinished)
	}
	for passed := time.Duration(0); passed < commands.Limit && !over() && !r.allBlocked(); {
		r.settle(r.actors, patience{naps: 0, work: workLimit})
		start := time.Now()
		pause(time.Millisecond)
		passed += min(time.Since(start), 2*time.Millisecond)
	}
}

func (r *run) bury() {
	for _, a := range r.actors {
		a.bury()
	}
}

// allBlocked reports whether every command that has not ended waits for a lock.
func (r *run) allBlocked() bool {
	return !slices.ContainsFunc(r.actors, func(a *actor) bool {
		return a.unfinished() && !slices.ContainsFunc(a.procs, func(p *process) bool { return p.blocked() != nil })
	})
}

// ending says how an actor's command ended.
func (r *run) ending(a *actor) commands.Ending {
	said := strings.TrimSpace(string(tail(slurp(r.outputOf(a)), 400)))
	if a.first == nil || !a.first.ended {
		return commands.Ending{Said: said, Waits: r.waitsFor(a)}
	}
	e := commands.Ending{Exit: a.first.status.ExitStatus(), Said: said}
	if a.first.status.Signaled() {
		e.Exit, e.Signal = 128+int(a.first.status.Signal()), unix.SignalName(a.first.status.Signal())
	}
	for _, p := range a.procs {
		if !p.ended {
			e.Left = append(e.Left, strings.TrimSpace(string(slurp("/proc/"+strconv.Itoa(p.pid)+"/comm"))))
		}
	}
	return e
}

func tail(text []byte, most int) []byte { return text[max(0, len(text)-most):] }

// waitsFor guesses what keeps a command from its end.
func (r *run) waitsFor(a *actor) string {
	waits := "something"
	for _, p := range a.procs {
		base := "/proc/" + strconv.Itoa(p.pid)
		fields := bytes.Fields(slurp(base + "/syscall"))
		if len(fields) > 1 && string(fields[0]) == strconv.Itoa(unix.SYS_READ) && string(fields[1]) == "0x0" {
			return "input"
		}
		for _, fd := range entries(base + "/fd") {
			if inode, is := strings.CutPrefix(readlink(base+"/fd/"+fd), "socket:["); is && onNetwork(base, strings.TrimSuffix(inode, "]")) {
				waits = "network"
			}
		}
	}
	return waits
}

// onNetwork reports whether a socket of a process belongs to the internet.
func onNetwork(base, inode string) bool {
	for _, protocol := range []string{"tcp", "udp", "tcp6", "udp6"} {
		for line := range strings.Lines(string(slurp(base + "/net/" + protocol))) {
			if fields := strings.Fields(line); len(fields) > 9 && fields[9] == inode {
				return true
			}
		}
	}
	return false
}

// judgeCommands judges the commands once they have all ended, or cannot.
func (r *run) judgeCommands() error {
	set := r.tier.commands
	if set == nil || set.Known == nil || r.word != nil || len(r.Moves()) > 0 {
		return nil
	}
	r.wordAt = len(r.events) - 1
	if len(r.actors[0].script) > 1 {
		return r.judgeKilled(set)
	}
	var ends []commands.Ending
	for _, a := range r.actors {
		if a.first == nil {
			return nil // it has not begun, and cannot: another was killed before
		}
		ends = append(ends, r.ending(a))
	}
	word, err := set.Judge(ends)
	if err != nil {
		return err
	}
	r.word = &word
	return nil
}

// commandVerdict is what the commands were found to break.
func (r *run) commandVerdict() race.Verdict {
	if r.word == nil || r.word.Rule == "" {
		return race.Verdict{}
	}
	return race.Verdict{Invariant: r.word.Rule, Reason: r.word.Reason, Event: r.wordAt}
}

// describeCommands adds to a state how the commands ended.
func (r *run) describeCommands(b *strings.Builder) {
	if r.tier.commands == nil {
		return
	}
	for _, a := range r.actors {
		if a.first != nil && a.first.ended {
			fmt.Fprintln(b, a.name, a.first.status)
		}
	}
}

// Directed runs, for each command and each file that it reads and then changes
// and others touch, the schedule that stops it before that change, runs the
// others to their ends, and lets it go on. It returns the first that breaks a
// rule.
func (c *Commands) Directed(ctx context.Context, p *explore.Progress) (explore.Result, error) {
	var result explore.Result
	for i := range c.Lines {
		stops := map[string]bool{} // files
		for before := -1; len(stops) > before && ctx.Err() == nil; {
			before = len(stops)
			r, err := c.Start(c.Case())
			if err != nil {
				return result, err
			}
			err = r.(*run).direct(race.ActorName(i), stops)
			if len(stops) > before {
				result.Schedules++
				result.Steps += len(r.(*run).events)
				p.Ran(len(r.(*run).events))
			}
			if v := r.Verdict(); v.Broken() {
				result.Witness = &explore.Witness{Case: c.Case(), Events: r.(*run).events, Verdict: v}
			}
			r.Close()
			if err != nil || result.Witness != nil {
				return result, err
			}
		}
	}
	return result, nil
}

// direct makes the moves of such a schedule, which stops at the first file that
// is not among those stopped at before, and adds it to them.
func (r *run) direct(victim string, stops map[string]bool) error {
	read := map[string]bool{}
	stopped := false
	for range commandSteps {
		moves := r.Moves()
		others := slices.DeleteFunc(slices.Clone(moves), func(m race.Move) bool { return race.ActorOf(m.Actor) == victim })
		own := slices.DeleteFunc(moves, func(m race.Move) bool { return race.ActorOf(m.Actor) != victim })
		if len(own)+len(others) == 0 {
			return nil
		}
		if len(own) > 0 && !stopped {
			file := r.aboutToChange(own[0].Actor, read)
			if stopped = file != "" && !stops[file]; stopped {
				stops[file] = true
			}
		}
		if choice := own; stopped && len(others) > 0 || len(own) == 0 {
			own, others = others, choice
		}
		if _, err := r.Do(r.onward(own)); err != nil {
			return err
		}
	}
	return fmt.Errorf("no end after %d steps", commandSteps)
}

// onward is, of some moves, that with which the lane goes on that moved last, or
// else the first.
func (r *run) onward(moves []race.Move) race.Move {
	for _, same := range []func(string) bool{
		func(lane string) bool { return lane == r.last() },
		func(lane string) bool { return race.ActorOf(lane) == race.ActorOf(r.last()) },
		func(string) bool { return true },
	} {
		for _, m := range moves {
			if m.Fault == race.NoFault && same(m.Actor) {
				return m
			}
		}
	}
	return moves[0]
}

// aboutToChange returns the file that the next call of a lane changes, if the
// command has read it and others touch it, and notes what it reads.
func (r *run) aboutToChange(lane string, read map[string]bool) string {
	_, p := r.lane(lane)
	if p == nil || p.next() == nil {
		return ""
	}
	c := p.next().call
	looks := c.Does(syscalls.SeesNode | syscalls.SeesMode | syscalls.SeesContent | syscalls.SeesEntries | syscalls.Opens)
	for _, name := range c.places {
		if c.Changes() && keepsLocks(c.Name) && read[name] && !r.tier.commands.private(name) && !r.noisy(name) {
			return name
		}
	}
	for _, name := range c.places {
		read[name] = read[name] || looks && name != ""
	}
	return ""
}

// noisy reports whether what a file holds differs from run to run.
func (r *run) noisy(name string) bool {
	set := r.tier.commands
	return set != nil && set.Known != nil && name != "" && set.Known.Rules.Noisy(name)
}

// NewCommands returns the lines as a tier whose place is below dir.
func NewCommands(t Tier, lines []commands.Line) (*Commands, error) {
	dir, err := filepath.EvalSymlinks(cmp.Or(t.Dir, os.TempDir()))
	if err != nil {
		return nil, err
	}
	set, err := commands.NewSet(filepath.Join(dir, "place"), lines)
	mapped := map[string]bool{}
	t.Noticed = func(actor, what string) {
		if strings.HasPrefix(what, "maps ") {
			mapped[actor+" "+what] = true
		}
	}
	return &Commands{Tier: t, Set: set, Touched: map[string]map[int]bool{}, Outside: map[string]map[int]bool{}, Mapped: mapped}, err
}

// Learn runs the commands in every order, and learns from that how to judge.
// The error may be a [*commands.Refusal] or a [*commands.Unrepeatable].
func (c *Commands) Learn(ctx context.Context, ignored []string) error {
	orders, err := commands.Serially(ctx, c.Place, c.Lines, c, nil)
	if err != nil {
		return err
	}
	c.Known, err = commands.Learn(c.Place, orders, c.private, ignored)
	return err
}

func (c *Commands) private(name string) bool { return len(c.Touched[name]) < 2 }

// Shared are the files that one of the commands changes and another one looks
// at or changes, in order.
func (c *Commands) Shared() []string { return shared(c.Touched) }

func shared(touched map[string]map[int]bool) (names []string) {
	for name, by := range touched {
		if len(by) > 1 && slices.Contains(slices.Collect(maps.Values(by)), true) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// noteOutside notes a name outside of the directory. What is there of devices,
// processes and the kernel is no file, and who makes all directories on the way
// to a file changes none of those that are there.
func (t *tracer) noteOutside(k *task, c call, o syscalls.Operand, path string) {
	if path == "" {
		return
	}
	a := k.proc.actor
	path = filepath.Clean(path)
	for _, dir := range []string{"/dev", "/proc", "/sys"} {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return
		}
	}
	if strings.HasPrefix(t.dir, strings.TrimSuffix(path, "/")+"/") {
		return
	}
	changes := o.Does&(syscalls.Writes|syscalls.Creates|syscalls.Makes|syscalls.Puts|syscalls.Takes) != 0
	if flags, opens := c.openFlags(k.tid); opens && flags&unix.O_ACCMODE != unix.O_RDONLY {
		changes = true
	}
	if t.outside != nil {
		t.outside[path] = t.outside[path] || changes
		return
	}
	if t.elsewhere[path] == nil {
		t.elsewhere[path] = map[string]bool{}
	}
	t.elsewhere[path][a.name] = t.elsewhere[path][a.name] || changes
	if by := t.elsewhere[path]; len(by) > 1 && slices.Contains(slices.Collect(maps.Values(by)), true) {
		if beside, err := filepath.Rel(filepath.Dir(t.dir), path); err == nil && filepath.IsLocal(beside) {
			path = "{dir}/../" + beside
		}
		t.notice(a, "shares "+t.maskName(path))
	}
}

func (c *Commands) touchOutside(who int, paths map[string]bool) {
	for path, changes := range paths {
		if c.Outside[path] == nil {
			c.Outside[path] = map[int]bool{}
		}
		c.Outside[path][who] = c.Outside[path][who] || changes
	}
}

// Elsewhere are the files outside of the place that one of the commands changes
// and another one looks at or changes, in order: a race for them is not seen.
func (c *Commands) Elsewhere() []string { return shared(c.Outside) }
