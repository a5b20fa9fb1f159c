package proc

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// profile is how a program that nobody here wrote is used, and what it
// promises, as it stands in [race.Case.Options].
type profile struct {
	ready   string // "file" (the pid file names it), "quiet" (it lives for a while), or a regular expression of its output
	stop    string // "eof", "term" or "int"
	losers  string // what a refused start does: "exit" or "serve"
	pidFile string // name of the pid file, if not the usual one
	content string // what the pid file holds while it serves, "{pid}" for the pid; [somewhere]; or "" when nothing is promised
	leaves  string // names in the directory when it has stopped in order, as [listed] has them
	settles string // how long one that is refused may live, at most
	stops   string // how long one that is told to stop may live
}

// somewhere is the content of a pid file of which only the pid is always there.
const somewhere = "... {pid} ..."

func (p *profile) fields() map[string]*string {
	return map[string]*string{"ready": &p.ready, "stop": &p.stop, "losers": &p.losers, "pidfile": &p.pidFile,
		"content": &p.content, "leaves": &p.leaves, "settles": &p.settles, "stops": &p.stops}
}

func (p *profile) options() map[string]string { return race.QuoteOptions(p.fields()) }

// profileOf returns that of a case's program, or nil if the case has none.
func profileOf(c race.Case) (*profile, error) {
	if len(c.Command) == 0 {
		return nil, nil
	}
	p := new(profile)
	return p, race.UnquoteOptions(c.Options, p.fields())
}

// found returns what the pid file may hold that a process left behind.
func (p *profile) found(pid string) string {
	if p.content == somewhere {
		return pid + "\n"
	}
	return strings.ReplaceAll(p.content, "{pid}", pid)
}

// names reports whether a pid file with that content is process pid's.
func (p *profile) names(content string, pid int) bool {
	if p.content == somewhere {
		return slices.Contains(strings.FieldsFunc(content, func(r rune) bool { return r < '0' || r > '9' }), strconv.Itoa(pid))
	}
	return p.content != "" && content == p.found(strconv.Itoa(pid))
}

// launcher is a case's program, ready to be started.
type launcher struct {
	profile
	words   []string // of the command, with the placeholders that differ from actor to actor
	index   map[string]int
	ports   map[string]int
	pattern *regexp.Regexp // of its output when it is ready, or nil
	settles time.Duration
	stops   time.Duration
}

// newLauncher prepares the program of a case, which is run in dir, and returns
// the case's files with their placeholders replaced.
func newLauncher(c race.Case, known *profile, dir string) (*launcher, []race.File, error) {
	p := &launcher{profile: *known, index: map[string]int{}, ports: map[string]int{}}
	var err error
	if p.settles, err = time.ParseDuration(p.profile.settles); err != nil {
		return nil, nil, fmt.Errorf("option settles: %w", err)
	}
	if p.stops, err = time.ParseDuration(p.profile.stops); err != nil {
		return nil, nil, fmt.Errorf("option stops: %w", err)
	}
	if p.ready != "quiet" && p.ready != "file" {
		if p.pattern, err = regexp.Compile(p.ready); err != nil {
			return nil, nil, err
		}
	}
	common, files, err := program.Expand(c, dir)
	if err != nil {
		return nil, nil, err
	}
	if p.words, err = program.Resolve(c.Command); err != nil {
		return nil, nil, err
	}
	for i, word := range p.words {
		p.words[i] = common.Replace(word)
	}
	for i, a := range c.Actors {
		p.index[a.Name] = i
		if p.ports[a.Name], err = program.FreePort("{port}", c.Command); err != nil {
			return nil, nil, err
		}
	}
	return p, files, nil
}

// caseVariable tells processes which case they belong to.
const caseVariable = "RACEFUZZ_CASE"

// command returns the command that starts the program for an actor in dir.
func (p *launcher) command(actor, dir string) *exec.Cmd {
	own := strings.NewReplacer("{n}", strconv.Itoa(p.index[actor]), "{port}", strconv.Itoa(p.ports[actor]))
	words := make([]string, len(p.words))
	for i, word := range p.words {
		words[i] = own.Replace(word)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), caseVariable+"="+dir)
	return cmd
}

// ready waits until the actor's program serves, or has ended. One that the pid
// file does not name serves, too, if it lives on though refused starts end.
func (a *actor) ready() {
	l := a.server()
	if l == nil {
		return
	}
	p, began := a.w.program, a.w.now()
	limit := p.settles
	if p.pattern != nil {
		limit = answerTime
	}
	named := false
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			named = p.names(a.w.peek(), l.pid)
			if named && p.ready == "file" {
				return
			}
			select {
			case <-over:
				return
			case <-l.exited:
				return
			case <-l.spoken:
				return
			case <-time.After(watchPause):
			}
		}
	}()
	came := a.w.within(limit, done)
	close(over)
	<-done
	select {
	case <-l.exited: // which says more
		a.await(l.ended)
		a.life = nil
		return
	default:
	}
	result := holder
	switch {
	case p.losers == "serve" && !named:
		result = standby
	case p.pattern != nil && !came:
		result = noAnswer
		l.tell(opKill)
	}
	a.w.record(*a.note(l, opReady, result, began, a.w.now()))
	if result == holder {
		a.w.news.Add(1)
	}
}
