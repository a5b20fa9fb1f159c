package proc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/race"
)

// The words of a script. An actor has at most one server at a time; what
// needs one and finds none does nothing, so that any part of a script is a
// script.
const (
	opStart      = "start"
	opHosted     = "start-hosted" // through a host that can die
	opInitialize = "initialize"
	opRole       = "role"   // mem_status
	opAdd        = "add"    // mem_add
	opList       = "list"   // mem_list
	opBurst      = "burst"  // mem_add several times without waiting for answers
	opSettle     = "settle" // wait until the pid file names a live server
	opWait       = "wait"   // wait=20ms: let time pass
	opMeet       = "meet"   // wait for the others
	opLast       = "last"   // wait until the others have finished
	opLook       = "look"   // at the directory of the pid file
	opStatus     = "status" // the command
	opUninstall  = "uninstall"
	opForce      = "uninstall-force"
	opCut        = "uninstall-cut" // killed as soon as it has changed something
	opHome       = "look-home"
	opReads      = "reads"  // read the pid file until the others have finished
	opProbes     = "probes" // the same with probes

	opEOF       = "eof"
	opTerm      = "term"
	opInt       = "int"
	opHup       = "hup"
	opKill      = "kill"
	opAgain     = "term-again"     // SIGTERM, and again until it has ended
	opHostDies  = "host-dies"      // the host is killed
	opHostAlone = "host-dies-held" // and somebody else has the pipes open

	// What is not done but happens.
	opRead      = "read"
	opProbe     = "probe"
	opExit      = "exit"
	opSilent    = "silent" // it has closed its files and may have ended
	opOutlives  = "outlives"
	opClobbered = "find"
)

// Results with a meaning.
const (
	ok      = "ok"
	holder  = "holder"
	standby = "standby"
	nobody  = "nobody" // is named
	blocked = "blocked"
	done    = "done"
	refused = "refused"
	killed  = "killed"
	nothing = "nothing"
)

var words = map[string]func(a *actor){
	opStart:      func(a *actor) { a.start(false) },
	opHosted:     func(a *actor) { a.start(true) },
	opInitialize: (*actor).initialize,
	opRole:       (*actor).role,
	opAdd:        (*actor).add,
	opList:       (*actor).list,
	opBurst:      (*actor).burst,
	opSettle:     (*actor).settle,
	opMeet:       func(a *actor) { a.await(a.w.meeting.come()) },
	opLast:       func(a *actor) { a.w.working.Wait() },
	opLook:       func(a *actor) { a.look(filepath.Join(a.w.dir, "run"), opLook) },
	opHome:       func(a *actor) { a.look(a.w.store(), opHome) },
	opStatus:     (*actor).status,
	opUninstall:  func(a *actor) { a.uninstall(opUninstall) },
	opForce:      func(a *actor) { a.uninstall(opForce, "--force") },
	opCut:        func(a *actor) { a.uninstall(opCut) },
	opReads:      (*actor).reads,
	opProbes:     (*actor).probes,
	opEOF:        func(a *actor) { a.stop(opEOF) },
	opTerm:       func(a *actor) { a.stop(opTerm) },
	opInt:        func(a *actor) { a.stop(opInt) },
	opHup:        func(a *actor) { a.stop(opHup) },
	opKill:       func(a *actor) { a.stop(opKill) },
	opAgain:      func(a *actor) { a.stop(opAgain) },
	opHostDies:   func(a *actor) { a.stop(opHostDies) },
	opHostAlone:  func(a *actor) { a.stop(opHostAlone) },
}

var stops = []string{opEOF, opTerm, opInt, opHup, opKill, opAgain, opHostDies, opHostAlone}

func isStop(op string) bool { return slices.Contains(stops, op) }

// inOrder reports whether a server that was stopped so can clean up.
func inOrder(op string) bool { return isStop(op) && op != opKill }

// watches reports whether a does nothing but watch until the others finish.
func watches(a race.Actor) bool {
	return slices.Contains(a.Script, opReads) || slices.Contains(a.Script, opProbes)
}

func waitsForAll(a race.Actor) bool { return slices.Contains(a.Script, opLast) || watches(a) }

// check refuses scripts that cannot be played.
func check(c race.Case) error {
	for _, a := range c.Actors {
		for _, word := range a.Script {
			if d, found := strings.CutPrefix(word, opWait+"="); found {
				if _, err := time.ParseDuration(d); err != nil {
					return fmt.Errorf("actor %s: %w", a.Name, err)
				}
			} else if words[word] == nil {
				return fmt.Errorf("actor %s: unknown operation %q", a.Name, word)
			}
		}
	}
	return nil
}

// actor is somebody who follows a script.
type actor struct {
	w    *world
	ctx  context.Context
	name string
	life *life // its server, or nil
}

func (a *actor) play(script []string) {
	for _, word := range script {
		if a.ctx.Err() != nil {
			return
		}
		if d, found := strings.CutPrefix(word, opWait+"="); found {
			pause, _ := time.ParseDuration(d)
			a.sleep(pause)
		} else {
			words[word](a)
		}
	}
	a.stop(opEOF)
}

func (a *actor) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-a.ctx.Done():
	}
}

func (a *actor) await(c <-chan struct{}) {
	select {
	case <-c:
	case <-a.ctx.Done():
	}
}

// server returns the actor's server, or nil if there is none that runs.
func (a *actor) server() *life {
	if a.life == nil {
		return nil
	}
	select {
	case <-a.life.ended:
		a.life = nil
	default:
	}
	return a.life
}

// note records an event about l that ended at the given time.
func (a *actor) note(l *life, op, result string, began, at time.Duration) *event {
	e := event{Event: step(a.name, op, result), began: began}
	e.Time = at
	if l != nil {
		e.life = l.n
	}
	return &e
}

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
		l.w.within(stopTime, l.ended) // its exit says more
		return
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

// succession is how long, in its own time, a server may live without being
// named or having another live one named.
const succession = 2 * time.Second

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
			content := peek(a.w.pidFile())
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
	a.w.within(succession, named)
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
		return !l.told && content == fmt.Sprintln(l.pid)
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
		send(l.pid, opTerm)
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
		send(l.pid, how)
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
					send(l.pid, opTerm)
				}
			}
		}()
	}
	stopped := a.w.within(stopTime, l.ended)
	close(over)
	if stopped {
		return
	}
	a.w.record(*a.note(l, opOutlives, stopTime.String(), began, a.w.now()))
	send(l.pid, opKill)
	a.w.within(stopTime, l.ended)
}

func (a *actor) look(dir, op string) {
	began := a.w.now()
	names := left(a.w.c, dir)
	e := a.note(nil, op, nothing, began, a.w.now())
	if len(names) > 0 {
		e.Result = strings.Join(names, " ")
	}
	a.w.record(*e)
}

// commandTime is how long a command may take that starts no server.
const commandTime = 5 * time.Second

// command runs the target with arguments to its end, or ends it after
// commandTime. It returns how it ended, or blocked.
func (a *actor) command(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer, result string) {
	cmd, stdout, stderr, wait := a.launch(args...)
	if cmd == nil {
		return nil, nil, nil, ""
	}
	if !a.w.within(commandTime, wait) {
		cmd.Process.Kill()
		<-wait
		return cmd, stdout, stderr, blocked
	}
	return cmd, stdout, stderr, exitText(cmd.ProcessState)
}

func (a *actor) launch(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer, wait chan struct{}) {
	cmd, err := a.w.program(args...)
	if err == nil {
		stdout, stderr, wait = new(bytes.Buffer), new(bytes.Buffer), make(chan struct{})
		cmd.Stdout, cmd.Stderr = stdout, stderr
		cmd.WaitDelay = time.Second
		err = a.w.group.start(cmd)
	}
	if err != nil {
		a.w.fail(err)
		return nil, nil, nil, nil
	}
	a.w.runs(cmd.Process.Pid, true)
	go func() {
		defer close(wait)
		cmd.Wait()
		a.w.runs(cmd.Process.Pid, false)
	}()
	return cmd, stdout, stderr, wait
}

func (a *actor) status() {
	began := a.w.now()
	cmd, stdout, stderr, result := a.command("status", "-json")
	if cmd == nil {
		return
	}
	e := a.note(nil, opStatus, result, began, a.w.now())
	var s asked
	switch {
	case result == blocked:
	case json.Unmarshal(stdout.Bytes(), &s) == nil && s.State != "":
		e.Result, e.pid = s.String(), s.PID
	default:
		e.Result = "exit " + result
		e.Detail = firstLine(stderr.Bytes())
	}
	a.w.record(*e)
}

func (a *actor) uninstall(op string, flags ...string) {
	began := a.w.now()
	before := a.w.homeState()
	cmd, stdout, stderr, wait := a.launch(append([]string{"uninstall", "-y"}, flags...)...)
	if cmd == nil {
		return
	}
	if op == opCut {
		a.cut(cmd, before, wait)
	}
	result := blocked
	if a.w.within(commandTime, wait) {
		result = exitText(cmd.ProcessState)
	} else {
		cmd.Process.Kill()
		<-wait
	}
	e := a.note(nil, op, result, began, a.w.now())
	e.pid = cmd.Process.Pid
	e.Detail = firstLine(stdout.Bytes())
	switch result {
	case "0":
		e.Result = done
	case "1", "2":
		e.Result, e.Detail = refused, firstLine(stderr.Bytes())
	}
	a.w.record(*e)
}

// cut kills cmd once the home is not what it was.
func (a *actor) cut(cmd *exec.Cmd, before string, wait <-chan struct{}) {
	for a.w.homeState() == before {
		select {
		case <-wait:
			return
		case <-a.ctx.Done():
			return
		default:
		}
	}
	cmd.Process.Kill()
}

// homeState tells two states of the store apart by the names in it.
func (w *world) homeState() string {
	var names []string
	for _, pattern := range []string{"*", "*/*"} {
		found, _ := filepath.Glob(filepath.Join(w.store(), pattern))
		names = append(names, found...)
	}
	return strings.Join(names, "\n")
}

// watchPause keeps those who watch from taking the processors for themselves.
const watchPause = time.Millisecond

// watch looks again and again until the others have finished, and records
// what it sees when that differs from the last time, or has come to mean
// something else.
func (a *actor) watch(look func() event) {
	var last race.Step
	var news int64 = -1
	for {
		now := a.w.news.Load()
		if e := look(); e.Step != last || now != news {
			a.w.record(e)
			last, news = e.Step, now
		}
		select {
		case <-a.w.over:
			return
		case <-a.ctx.Done():
			return
		case <-time.After(watchPause):
		}
	}
}

func (a *actor) reads() {
	a.watch(func() event {
		began := a.w.now()
		content := peek(a.w.pidFile())
		e := *a.note(nil, opRead, strconv.Quote(content), began, a.w.now())
		e.File = content
		if content == noFile {
			e.Result = noFile
		}
		return e
	})
}

func (a *actor) probes() {
	a.watch(func() event {
		began := a.w.now()
		s, err := a.probe()
		e := *a.note(nil, opProbe, asked{s.State.String(), s.PID}.String(), began, a.w.now())
		e.pid = s.PID
		if errors.Is(err, errBlocked) {
			e.Result = blocked
		} else if err != nil {
			e.Result, e.Detail = "error", err.Error()
		}
		return e
	})
}

var errBlocked = errors.New("blocked")

// probe asks the pid file, from this process. A probe that waits for the
// other end of a FIFO is freed.
func (a *actor) probe() (status lock.Status, err error) {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		status, err = a.w.target.Probe(a.w.pidFile())
	}()
	if a.w.within(commandTime, asked) {
		return status, err
	}
	free, err := reserve(a.w.pidFile())
	if err != nil {
		return status, errors.Join(errBlocked, err)
	}
	<-asked
	free()
	return lock.Status{}, errBlocked
}
