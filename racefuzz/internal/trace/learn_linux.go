package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Try learns a program and has do try it. One that turns out to wait for time to pass,
// sooner or later, is put on a clock of the case's own, and all begins anew. One of
// which several serve is not: its waits to take over are moves already.
func (t Tier) Try(ctx context.Context, p program.Program, do func(Tier, program.Program) error) error {
	for {
		t.wantsClock = ownClock && p.Clock == "" && p.RealTime == ""
		learned, err := t.Learn(ctx, p)
		if err == nil && p.Clock != "" && learned.Losers == "serve" {
			p.Clock, p.RealTime = "", "yes"
			continue
		}
		if err == nil {
			err = do(t, learned)
		}
		if !errors.Is(err, errSleeps) {
			return err
		}
		p.Clock = time.Now().UTC().Format(time.RFC3339)
	}
}

// errSleeps says that a program goes on after it has slept.
var errSleeps = errors.New("it waits for time to pass")

// Learn runs a program undisturbed, to learn what it does and what it promises.
func (t Tier) Learn(ctx context.Context, p program.Program) (program.Program, error) {
	t.Done, t.Passed = ctx.Done(), nil
	if p.Ready == "" {
		p.Ready = "quiet"
	}
	p.Calls = everyCall
	p, err := p.Learn(bench{t}, Name)
	if p.Content == program.Somewhere { // of which nothing can be said step by step
		p.Content = ""
	}
	return p, err
}

// bench is where a program shows what it does.
type bench struct{ Tier }

func (bench) Ways() []string { return []string{"eof", "term", "int"} }

// patienceToLearn is how long a program may take to notice the end of its
// input while it is not yet known whether that ends it. Most never do.
const patienceToLearn = "200ms"

func (bench) Patience(way string, guess bool) string {
	if guess && way == "eof" {
		return patienceToLearn
	}
	return ""
}

func (b bench) Alone(c race.Case, again bool) (h program.Habits, err error) {
	c.Actors = []race.Actor{{Name: "a", Script: []string{opStart, opStop}}}
	r, err := start(c, b.Tier)
	if err != nil {
		return h, err
	}
	defer r.Close()
	a, served := r.actors[0], false
	r.learning = true
	for m, _, ok := explore.Onward(r, r.events); ok; m, _, ok = explore.Onward(r, r.events) {
		if m.Op == opStop && r.settings.Beats == "" && r.clock == nil && r.seesBeat(a) {
			if r.tier.wantsClock {
				return h, errSleeps
			}
			return program.Habits{Beats: true}, nil
		}
		if m.Op == opStop {
			served = true
			h.Content = r.promise()
			h.Stale, h.Taken = r.stale()
			h.Notes = append(r.oddities(), r.strays()...)
			h.Direct = r.replacement(a)
		}
		if _, err := r.Do(m); err != nil {
			return h, err
		}
		if a.phase == stopping && !a.active() {
			return program.Habits{}, nil
		}
	}
	if !served && r.running(a) {
		return h, &race.UnreadyError{Program: c.Target, Ready: r.settings.Ready}
	}
	if !served {
		said := strings.TrimSpace(string(slurp(r.outputOf(a))))
		return h, &race.EndsError{Program: c.Target, Ending: r.ended, Said: said}
	}
	h.Stopped, h.Touches, h.Steps = true, len(r.touches) > 0, r.touches
	for _, e := range r.scene.children() {
		h.Left = append(h.Left, e.name)
	}
	return h, nil
}

// promise is what the pid file holds, with "{pid}" for the pid, or "" where
// there is none in it.
func (r *run) promise() string {
	content := pidless(r.pidFile().Content)
	if !strings.Contains(content, "{pid}") {
		return ""
	}
	return content
}

// stale is what is in the place of the pid file once its process is dead, and once
// the pid is somebody else's: a file, a link, or a directory and what is in it. Both
// are empty where there is no pid in it.
func (r *run) stale() (dead, taken []race.File) {
	name, known := r.settings.PIDName(), false
	dead, taken = r.settings.Parents(), r.settings.Parents()
	for _, found := range slices.Sorted(maps.Keys(r.scene.entries)) {
		e := r.scene.entries[found]
		if e.name != name && !strings.HasPrefix(e.name, name+"/") || e.kind == race.FIFO {
			continue
		}
		f := race.File{Name: e.name, Kind: e.kind}
		g := f
		if e.kind != race.Dir {
			content := pidless(r.mask(e.content))
			f.Content = program.Buried(content, len(strconv.Itoa(r.actors[0].server.pid)))
			g.Content = strings.ReplaceAll(content, "{pid}", "{stranger}")
		}
		known = known || strings.Contains(f.Content, "{dead}")
		dead, taken = append(dead, f), append(taken, g)
	}
	if !known {
		return nil, nil
	}
	return dead, taken
}

// oddities are what is odd about the pid file of a program that serves alone.
func (r *run) oddities() (notes []string) {
	name := r.settings.PIDName()
	e, there := r.scene.entry(name)
	pid := r.recorded()
	switch {
	case !there && slices.ContainsFunc(r.events, func(e race.Event) bool { return e.File != "-" }):
		notes = append(notes, fmt.Sprintf("%s was there and is gone when it serves", name))
	case there && e.kind == race.Regular && !strings.Contains(pidless(r.mask(e.content)), "{pid}"):
		notes = append(notes, fmt.Sprintf("%s holds %q when it serves, which names no process of its own: nothing is tried with what a dead server leaves", name, e.content))
	case pid > 0 && syscall.Kill(pid, 0) == syscall.ESRCH:
		notes = append(notes, fmt.Sprintf("%s names process %d when it serves, which has ended", name, pid))
	}
	return notes
}

// strays tells of what the program changes outside of its directory.
func (r *run) strays() []string {
	var paths []string
	for path, by := range r.elsewhere {
		if slices.Contains(slices.Collect(maps.Values(by)), true) {
			paths = append(paths, r.maskName(path))
		}
	}
	if len(paths) == 0 {
		return nil
	}
	slices.Sort(paths)
	const most = 3
	if n := len(paths) - most; n > 0 {
		paths = append(paths[:most], fmt.Sprintf("%d more", n))
	}
	return []string{"it changes what is outside of its directory, which is not undone: " + strings.Join(paths, ", ")}
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

// pidless replaces the names of the only actor's processes by "{pid}".
func pidless(masked string) string { return ownPID.ReplaceAllString(masked, "{pid}") }

var ownPID = regexp.MustCompile(`\{a(\.[0-9]+)?( gone)?\}`)

// besideSteps is how many steps two starts may make while they are learned from.
const besideSteps = 20000

// Beside starts a second one while the first serves. If it serves as well, that
// is a promise only of a program that takes a lock: one that takes none lets
// everybody run.
func (b bench) Beside(c race.Case, ask bool) (company program.Company, err error) {
	if !ask {
		return company, nil
	}
	c.Actors = []race.Actor{{Name: "a", Script: []string{opStart}}, {Name: "b", Script: []string{opStart}}}
	r, err := start(c, b.Tier)
	if err != nil {
		return company, err
	}
	defer r.Close()
	for _, name := range []string{"a", "b"} {
		// How b behaves once its patience is over is not by design.
		own := func(m race.Move) bool { return race.ActorOf(m.Actor) == name && (m.Op != opWake || name == "a") }
		for moves := r.Moves(); len(r.events) < besideSteps && slices.ContainsFunc(moves, own); moves = r.Moves() {
			if _, err := r.Do(moves[slices.IndexFunc(moves, own)]); err != nil {
				return company, err
			}
		}
	}
	company.Serves = r.actors[1].phase == serving && slices.ContainsFunc(r.scene.locks, func(h held) bool { return !h.shared })
	return company, nil
}
