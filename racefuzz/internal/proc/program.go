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

// programOf returns the program of a case, or nil if the case has none.
func programOf(c race.Case) (*program.Program, error) {
	if len(c.Command) == 0 {
		return nil, nil
	}
	p, err := program.Of(c)
	return &p, err
}

// names reports whether a pid file that holds text is process pid's, where such
// a file holds content.
func names(content, text string, pid int) bool {
	if content == program.Somewhere {
		return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }), strconv.Itoa(pid))
	}
	return content != "" && text == strings.ReplaceAll(content, "{pid}", strconv.Itoa(pid))
}

// launcher is a case's program, ready to be started.
type launcher struct {
	program.Program
	words   []string // of the command, with the placeholders that differ from actor to actor
	index   map[string]int
	ports   map[string]int
	pattern *regexp.Regexp // of its output when it is ready, or nil
	settles time.Duration
	stops   time.Duration
}

// newLauncher prepares the program of a case, which is run in dir, and returns
// the case's files with their placeholders replaced.
func newLauncher(c race.Case, known *program.Program, dir string) (*launcher, []race.File, error) {
	p := &launcher{Program: *known, index: map[string]int{}, ports: map[string]int{}}
	var err error
	if p.settles, err = time.ParseDuration(p.Settles); err != nil {
		return nil, nil, fmt.Errorf("option settles: %w", err)
	}
	if p.stops, err = time.ParseDuration(p.Stops); err != nil {
		return nil, nil, fmt.Errorf("option stops: %w", err)
	}
	if p.pattern, err = p.Pattern(); err != nil {
		return nil, nil, err
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
			named = names(p.Content, a.w.peek(), l.pid)
			if named && p.Ready != "quiet" {
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
	case p.Losers == "serve" && !named:
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
