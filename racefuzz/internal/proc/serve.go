package proc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
)

func (a *actor) start(hosted bool) {
	if a.server() != nil {
		return
	}
	l, err := a.w.start(a.name, hosted)
	if err != nil {
		a.w.fail(err)
		return
	}
	a.life = l
}

func (a *actor) initialize() {
	l := a.server()
	if l == nil {
		return
	}
	began, got := l.ask("initialize", map[string]any{
		"protocolVersion": "2025-06-18",
		"capabilities":    map[string]any{},
		"clientInfo":      map[string]any{"name": "racefuzz", "version": "1"},
	})
	if got.fault == hasStopped {
		if l.w.within(stopTime, l.ended) { // its exit says more
			return
		}
		got.fault = noAnswer
	}
	result := ok
	if got.fault != "" {
		result = got.fault
	} else {
		l.notify("notifications/initialized")
	}
	a.w.record(*a.note(l, opInitialize, result, began, got.at))
}

// answered records the answer to a tool call, unless the server has ended.
func (a *actor) answered(e *event, got answer) {
	if got.fault == hasStopped {
		return
	}
	if got.fault != "" {
		e.Result = got.fault
	}
	a.w.record(*e)
}

// asked is what a server or a status command says of the pid file.
type asked struct {
	State string
	PID   int
}

func (s asked) String() string {
	if s.State == lock.Held.String() && s.PID != 0 {
		return fmt.Sprintf("%s %d", s.State, s.PID)
	}
	return s.State
}

func (a *actor) role() {
	l := a.server()
	if l == nil {
		return
	}
	var r struct {
		Role     string
		PID      int
		Recorded asked
		Problem  string
	}
	began, got := l.call("mem_status", map[string]any{}, &r)
	e := a.note(l, opRole, r.Role, began, got.at)
	e.pid = r.Recorded.PID
	e.Detail = "(recorded: " + r.Recorded.String() + ")"
	if r.Problem != "" {
		e.Result = r.Problem
	}
	a.answered(e, got)
	if e.Result == holder {
		a.w.news.Add(1)
	}
}

func (a *actor) add() {
	l := a.server()
	if l == nil {
		return
	}
	text := a.w.text(a.name)
	began, got := l.call("mem_add", map[string]any{"text": text}, nil)
	e := a.note(l, opAdd, ok, began, got.at)
	e.texts = []string{text}
	a.answered(e, got)
}

const burstSize = 4

func (a *actor) burst() {
	l := a.server()
	if l == nil {
		return
	}
	e := a.note(l, opBurst, "", a.w.now(), 0)
	for range burstSize {
		text := a.w.text(a.name)
		e.texts = append(e.texts, text)
		l.mu.Lock()
		l.open[l.asked+1] = text
		l.mu.Unlock()
		arguments := map[string]any{"name": "mem_add", "arguments": map[string]any{"text": text}}
		l.send("tools/call", arguments, func(began time.Duration, got answer) {
			got.fault = toolFault(got, nil)
			e := a.note(l, opAdd, ok, began, got.at)
			e.texts = []string{text}
			a.answered(e, got)
		})
	}
	a.w.record(*e)
}

func (a *actor) list() {
	l := a.server()
	if l == nil {
		return
	}
	e := a.note(l, opList, "", 0, 0)
	cursor := ""
	for {
		var page struct {
			Memories   []struct{ Text string }
			NextCursor string `json:"next_cursor"`
		}
		arguments := map[string]any{"limit": 200}
		if cursor != "" {
			arguments["cursor"] = cursor
		}
		began, got := l.call("mem_list", arguments, &page)
		if cursor == "" {
			e.began = began
		}
		for _, m := range page.Memories {
			e.texts = append(e.texts, m.Text)
		}
		e.Time = got.at
		if cursor = page.NextCursor; cursor == "" || got.fault != "" {
			e.Result = fmt.Sprint(len(e.texts), " memories")
			a.answered(e, got)
			return
		}
	}
}

// Limits of [world.succession]. A program that nobody here wrote may look only
// every few seconds.
const (
	succession        = 2 * time.Second
	programSuccession = 10 * time.Second
)

// settle waits until the pid file names a server that has not been told to
// stop.
func (a *actor) settle() {
	if a.server() == nil || !usable(a.w.c) {
		return
	}
	began := a.w.now()
	named := make(chan struct{})
	over := make(chan struct{})
	result := nobody
	go func() {
		defer close(named)
		for {
			content := a.w.peek()
			if a.w.named(content) {
				result = strings.TrimSpace(content)
				return
			}
			select {
			case <-over:
				return
			case <-a.life.ended:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	a.w.within(a.w.succession(), named)
	close(over)
	<-named
	if a.server() == nil && result == nobody {
		return
	}
	a.w.record(*a.note(a.life, opSettle, result, began, a.w.now()))
}

// named reports whether content is that of the pid file of a server which has
// not been told to stop.
func (w *world) named(content string) bool {
	return slices.ContainsFunc(w.alive(), func(l *life) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.told && w.names(content, l.pid)
	})
}

// stop stops the actor's server and waits for its end.
func (a *actor) stop(how string) {
	l := a.server()
	if l == nil {
		return
	}
	l.mu.Lock()
	l.told = true
	l.mu.Unlock()
	a.life = nil
	began := a.w.now()
	switch how {
	case opEOF:
		l.stdin.Close()
	case opAgain:
		l.tell(opTerm)
	case opHostDies, opHostAlone:
		if l.host == nil {
			l.stdin.Close()
			how = opEOF
			break
		}
		if how == opHostDies {
			l.stdin.Close()
		}
		l.host.Process.Kill()
	default:
		l.tell(how)
	}
	a.w.record(*a.note(l, how, "", began, a.w.now()))
	over := make(chan struct{})
	if how == opAgain {
		go func() {
			for {
				select {
				case <-l.ended:
					return
				case <-over:
					return
				case <-time.After(time.Millisecond):
					l.tell(opTerm)
				}
			}
		}()
	}
	stopped := a.w.within(a.w.stopLimit(), l.ended)
	close(over)
	if stopped {
		return
	}
	a.w.record(*a.note(l, opOutlives, a.w.stopLimit().String(), began, a.w.now()))
	l.tell(opKill)
	a.w.within(stopTime, l.ended)
}
