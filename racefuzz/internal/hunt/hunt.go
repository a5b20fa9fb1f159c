// Package hunt looks for races between commands that share files: it prepares
// the place that they run in, learns how to judge what they leave, runs them in
// every order, and makes of what it found what people get to see.
package hunt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/content"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// Options say what is hunted for.
type Options struct {
	Lines   []string // two to four command lines
	Setup   []string // command lines that are run once before, to make what the others need
	Files   []string // paths of files of which a copy is put into the place first
	In      []string // absolute paths outside of the place of what belongs to it
	Ignore  []string // globs of files that are left out of the comparison
	Read    string   // a command line that says what is in the place, or "": then the files themselves do
	Strict  bool     // a command that fails only because another runs is a finding
	Preempt int      // preemptions in a schedule, at most
	Crash   int      // 1: each command is killed in turn before each of its changes and run again
	Limit   int      // of schedules; 0 for none
}

// Check reports what is wrong with the options.
func (o Options) Check() error {
	if len(o.Lines) < 2 || len(o.Lines) > 4 {
		return fmt.Errorf("want two to four commands, each quoted as one argument, not %d", len(o.Lines))
	}
	if o.Crash < 0 || o.Crash > 1 {
		return errors.New("-crash is 0 or 1")
	}
	if o.Preempt < 0 || o.Limit < 0 {
		return errors.New("the numbers of preemptions and of schedules cannot be negative")
	}
	for _, glob := range o.Ignore {
		if err := content.CheckGlob(glob); err != nil {
			return err
		}
	}
	return nil
}

// settings are the options that a saved case needs to be run again.
func (o Options) settings() map[string]string {
	quoted := map[string]string{}
	for i, line := range o.Lines {
		quoted["line."+race.ActorName(i)] = strconv.Quote(line)
	}
	for name, values := range map[string][]string{"setup": o.Setup, "file": o.Files, "in": o.In, "ignore": o.Ignore} {
		for i, value := range values {
			quoted[fmt.Sprintf("%s.%02d", name, i+1)] = strconv.Quote(value)
		}
	}
	if o.Read != "" {
		quoted["read"] = strconv.Quote(o.Read)
	}
	if o.Strict {
		quoted["strict"] = strconv.Quote("yes")
	}
	return quoted
}

// OptionsOf returns the options that a saved case was found with.
func OptionsOf(c race.Case) (o Options, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		value, err := strconv.Unquote(c.Options[name])
		if err != nil {
			return o, fmt.Errorf("option %s: %w", name, err)
		}
		switch kind, _, _ := strings.Cut(name, "."); kind {
		case "line":
			o.Lines = append(o.Lines, value)
		case "setup":
			o.Setup = append(o.Setup, value)
		case "file":
			o.Files = append(o.Files, value)
		case "in":
			o.In = append(o.In, value)
		case "ignore":
			o.Ignore = append(o.Ignore, value)
		case "read":
			o.Read = value
		case "strict":
			o.Strict = true
		case "pidfile", "stop": // the file that the lanes show, and where the commands are stopped
		default:
			return o, fmt.Errorf("no option %q", name)
		}
	}
	return o, o.Check()
}

// Prepare makes the place below dir, with all that the commands need in it, runs
// them one after the other and learns from that how to judge. The error is a
// [*commands.Refusal] if they cannot be tried, and a [*commands.Unrepeatable] if
// they do not do the same twice. What runs them, now and later, ends with ctx,
// unless another Done is given to them. What is taken in does not contain the
// paths that are spared, and is to be put back by the caller in the end; where
// there is an error it is already.
func (o Options) Prepare(ctx context.Context, dir string, spared ...string) (_ *trace.Commands, err error) {
	set, err := trace.NewCommands(trace.Tier{Dir: dir, Done: ctx.Done()}, nil)
	if err != nil {
		return nil, err
	}
	prepared := false
	defer func() {
		if !prepared {
			err = errors.Join(err, set.Place.PutBack())
		}
	}()
	for _, name := range o.In {
		if err := set.Place.TakeIn(name, spared); err != nil {
			return nil, err
		}
	}
	if err := o.fill(ctx, &set.Set); err != nil {
		return nil, err
	}
	if err := set.Learn(ctx, o.Ignore); err != nil {
		return nil, err
	}
	prepared = true
	return set, nil
}

// fill makes the set what the options say.
func (o Options) fill(ctx context.Context, set *commands.Set) error {
	set.Strict = o.Strict
	if err := o.furnish(ctx, set.Place); err != nil {
		return err
	}
	for _, text := range o.Lines {
		l, err := resolve(text, set.Place.Dir)
		if err != nil {
			return err
		}
		set.Lines = append(set.Lines, l)
	}
	if o.Read != "" {
		l, err := resolve(o.Read, set.Place.Dir)
		if err != nil {
			return err
		}
		set.Place.Reader = func() []byte { return set.Place.Read(ctx, l) }
	}
	return nil
}

func (o Options) furnish(ctx context.Context, p *commands.Place) error {
	for _, path := range o.Files {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(p.Dir, filepath.Base(path)), data, 0o600)
		}
		if err != nil {
			return &commands.Refusal{Reason: err.Error(), Remedy: "name a file that can be read"}
		}
	}
	for _, text := range o.Setup {
		if err := setUp(ctx, p.Dir, text); err != nil {
			return err
		}
	}
	return p.Keep()
}

// resolve is a command line with its program found, and the files that it names
// from here unless the place has one of that name.
func resolve(text, dir string) (commands.Line, error) {
	l, err := commands.Parse(text)
	if err == nil && l.Shell {
		l.Words[0], err = exec.LookPath(l.Words[0])
	} else if err == nil {
		words := l.Words
		l.Words, err = program.Resolve(words)
		for i := 1; err == nil && i < len(words); i++ {
			if _, there := os.Stat(filepath.Join(dir, words[i])); there == nil {
				l.Words[i] = words[i]
			}
		}
	}
	if err != nil && l.Shell {
		return l, &commands.Refusal{Reason: err.Error(), Remedy: "install one, such as that of Git for Windows, or name a program and its arguments alone"}
	}
	if err != nil {
		return l, &commands.Refusal{Reason: err.Error(), Remedy: "name a program that is installed, or the path of a file"}
	}
	return l, nil
}

// setUpLimit is how long a command that makes what others need may take.
const setUpLimit = time.Minute

func setUp(ctx context.Context, dir, text string) error {
	l, err := resolve(text, dir)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, setUpLimit)
	defer cancel()
	for i, word := range l.Words {
		l.Words[i] = strings.ReplaceAll(word, "{dir}", dir)
	}
	cmd := exec.CommandContext(limited, l.Words[0], l.Words[1:]...)
	cmd.Dir, cmd.Env = dir, commands.Env(os.Environ(), dir)
	cmd.WaitDelay = time.Second // a daemon that it leaves running keeps its output open
	if said, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		reason := fmt.Sprintf("the command %q that sets the others up: %v, and it says %q", text, err, strings.TrimSpace(string(said)))
		return &commands.Refusal{Reason: reason, Remedy: "run it by hand in an empty directory"}
	}
	return nil
}

// Search runs the commands in every order within the bounds, first in those that
// are most likely to break something, until one breaks a rule.
func (o Options) Search(ctx context.Context, set *trace.Commands, p *explore.Progress) (explore.Result, error) {
	first, err := set.Whole(ctx, p)
	if err != nil || first.Witness != nil {
		return first, err
	}
	passes := []func(context.Context, *explore.Progress) (explore.Result, error){set.Directed}
	if o.Crash > 0 {
		passes = append(passes, set.Killed)
	}
	for _, pass := range passes {
		next, err := pass(ctx, p)
		next.Schedules += first.Schedules
		next.Steps += first.Steps
		if first = next; err != nil || first.Witness != nil {
			return first, err
		}
	}
	rest, err := explore.Bounded(ctx, set.Plan(o.Preempt, o.Limit, p))
	rest.Schedules += first.Schedules
	rest.Steps += first.Steps
	if ctx.Err() != nil { // what was not found in time is told by the result
		err = nil
	}
	return rest, err
}

// Proved says what it means that nothing was found, and what else was seen:
// files in memory, refusals, files that no order leaves, and programs that were
// left running.
func (o Options) Proved(set *trace.Commands, r explore.Result) string {
	text := fmt.Sprintf("complete: %s, %s, %s", count(len(o.Lines), "command"), count(o.Preempt, "preemption"), count(r.Schedules, "schedule"))
	switch {
	case r.Diverged > 0:
		text = fmt.Sprintf("not complete: %s diverged, the first %s", count(r.Diverged, "schedule"), r.Divergence)
	case !r.Complete:
		text = "not complete: " + count(r.Schedules, "schedule")
	case len(set.Mapped) > 0:
		text = fmt.Sprintf("not %s; %s", text, strings.Join(slices.Sorted(maps.Keys(set.Mapped)), ", "))
	}
	return text + met(&set.Set)
}

// met says what was seen that breaks no rule.
func met(set *commands.Set) (text string) {
	for _, met := range []struct {
		what  string
		times map[string]int
	}{{"refused", set.Refused}, {"left", set.Left}, {"ended with the schedule", set.Stayed}} {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(met.times)) {
			words = append(words, fmt.Sprintf("%d (%s)", met.times[name], name))
		}
		if len(words) > 0 {
			text += fmt.Sprintf("; %s: %s", met.what, strings.Join(words, ", "))
		}
	}
	return text
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}
