package proc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits on a server, in its own time (see world.within).
const (
	answerTime = 10 * time.Second // hosts give up on a server that takes longer
	stopTime   = 2 * time.Second
	drainTime  = 1500 * time.Millisecond // for what it had read when it was told to stop
)

// life is one server process, from its start to its end.
type life struct {
	w     *world
	actor string
	n     int // counted from 1 in the case
	pid   int

	stdin  *os.File
	stdout *os.File
	host   *exec.Cmd // nil where this process is the host

	reaped atomic.Bool   // its id may soon be another process's
	exited chan struct{} // closed once the process has ended, if it is our child
	ended  chan struct{} // closed once the end is known and recorded
	drawn  chan struct{} // closed once all it wrote to stdout is read
	spoken chan struct{} // closed once a program has said that it is ready

	mu      sync.Mutex
	asked   int
	waiting map[int]func(answer) // told once, when the answer or the end has come
	open    map[int]string       // texts to be added that were sent in a burst and not answered
	said    string               // the last line that it wrote to stderr
	code    string               // how it ended, as its host says
	told    bool                 // to stop
	ready   bool                 // spoken is closed
}

// answer is what a server answered, or why it did not.
type answer struct {
	at     time.Duration
	result json.RawMessage
	fault  string // "" for a success
}

// Faults that are not the server's words.
const (
	noAnswer   = "no answer"
	hasStopped = "it has stopped"
)

// start starts a server for actor, through a host of its own if hosted.
func (w *world) start(actor string, hosted bool) (*life, error) {
	cmd, err := w.command(actor, hosted)
	if err != nil {
		return nil, err
	}
	l := &life{w: w, actor: actor, exited: make(chan struct{}), ended: make(chan struct{}), drawn: make(chan struct{}), spoken: make(chan struct{}),
		waiting: map[int]func(answer){}, open: map[int]string{}}
	var ends [6]*os.File
	for i := 0; i < len(ends); i += 2 {
		if ends[i], ends[i+1], err = os.Pipe(); err != nil {
			return nil, err // what is open already is closed when it is collected
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = ends[0], ends[3], ends[5]
	l.stdin, l.stdout = ends[1], ends[2]
	began := w.now()
	err = w.group.start(cmd)
	for _, f := range []*os.File{ends[0], ends[3], ends[5]} {
		f.Close()
	}
	if err != nil {
		return nil, err
	}
	stderr := bufio.NewReader(ends[4])
	l.pid = cmd.Process.Pid
	if hosted {
		l.host = cmd
		if err := l.readPID(stderr); err != nil {
			cmd.Process.Kill()
			return nil, errors.Join(err, cmd.Wait())
		}
	}
	l.n = w.born(l, began)
	go l.read()
	go l.listen(stderr, cmd)
	return l, nil
}

// command returns the command that starts the actor's server, or its host.
func (w *world) command(actor string, hosted bool) (*exec.Cmd, error) {
	if w.program != nil {
		return w.program.command(actor, filepath.Dir(w.pidFile())), nil
	}
	if !hosted {
		return w.server()
	}
	server, err := w.server()
	if err != nil {
		return nil, err
	}
	cmd, err := again("host", server.Args...)
	if err != nil {
		return nil, err
	}
	cmd.Args[1] = server.Path
	cmd.Env = append(server.Env, roleVariable+"=host")
	for _, v := range server.Env {
		if role, ok := strings.CutPrefix(v, roleVariable+"="); ok {
			cmd.Env = append(cmd.Env, nextRole+"="+role)
		}
	}
	cmd.Dir = server.Dir
	return cmd, nil
}

// readPID reads from a host who its server is. The server may have spoken
// before.
func (l *life) readPID(stderr *bufio.Reader) error {
	for {
		line, err := stderr.ReadString('\n')
		line = strings.TrimSpace(line)
		if word, found := strings.CutPrefix(line, hostWord+" pid "); found {
			l.pid, err = strconv.Atoi(word)
			return err
		}
		l.heard(line)
		if err != nil {
			return fmt.Errorf("a host came to nothing: %s", l.said)
		}
	}
}

// listen follows stderr to its end, which is also the end of a process that
// is not our child, and takes note of the server's end.
func (l *life) listen(stderr *bufio.Reader, cmd *exec.Cmd) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for {
			line, err := stderr.ReadString('\n')
			l.heard(strings.TrimSpace(line))
			if err != nil {
				return
			}
		}
	}()
	cmd.Wait()
	l.reaped.Store(l.host == nil)
	close(l.exited)
	code, known := exitText(cmd.ProcessState), true
	if l.host != nil {
		<-closed
		l.mu.Lock()
		code = l.code
		l.mu.Unlock()
		if code == "" {
			code, known = unknownExit, gone(l.pid)
		}
	}
	at := l.w.now()
	// What it wrote before its end is still in the pipes.
	l.w.arena.pulse.within(time.Second, l.drawn, nil)
	l.w.arena.pulse.within(time.Second, closed, nil)
	l.w.died(l, at, code, known)
	l.stdin.Close()
	close(l.ended)
}

// unknownExit is how a process ended that nobody could ask.
const unknownExit = "?"

func (l *life) heard(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if code, ok := strings.CutPrefix(line, hostWord+" exit "); ok {
		l.code = code
		l.reaped.Store(true)
	} else if line != "" {
		if p := l.w.program; p != nil && p.pattern != nil && !l.ready && p.pattern.MatchString(line) {
			l.ready = true
			close(l.spoken)
		}
		// Of an error and a hint the error is what counts.
		if !strings.Contains(l.said, "error:") {
			l.said = line
		}
	}
}

// read hands the answers to those who wait for them.
func (l *life) read() {
	defer close(l.drawn)
	r := bufio.NewReader(l.stdout)
	for {
		line, err := r.ReadBytes('\n')
		at := l.w.now()
		if err != nil {
			l.hangUp()
			return
		}
		if l.w.program != nil {
			l.heard(strings.TrimSpace(string(line)))
			continue
		}
		var m struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if json.Unmarshal(line, &m) != nil {
			l.w.record(event{Event: step(l.actor, "stdout", firstLine(line)), began: at, life: l.n})
			continue
		}
		a := answer{at: at, result: m.Result}
		if m.Error != nil {
			a.fault = m.Error.Message
		}
		l.mu.Lock()
		take := l.waiting[m.ID]
		delete(l.waiting, m.ID)
		delete(l.open, m.ID)
		l.mu.Unlock()
		if take != nil {
			take(a)
		}
	}
}

func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return string(line[:min(len(line), 100)])
}

// hangUp tells those who still wait that nothing will come.
func (l *life) hangUp() {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, take := range waiting {
		take(answer{at: l.w.now(), fault: hasStopped})
	}
	l.stdout.Close()
}

// tell sends the server a signal.
func (l *life) tell(name string) {
	if !l.reaped.Load() {
		l.w.group.send(l.pid, name)
	}
}

// send writes a request. The answer goes to take, with the time at which the
// request was about to be written.
func (l *life) send(method string, params any, take func(began time.Duration, a answer)) {
	l.mu.Lock()
	l.asked++
	id := l.asked
	stopped := l.waiting == nil
	began := l.w.now()
	if !stopped {
		l.waiting[id] = func(a answer) { take(began, a) }
	}
	l.mu.Unlock()
	if stopped {
		take(began, answer{at: began, fault: hasStopped})
		return
	}
	line, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	// An error is the end of the server, and found out as such.
	l.stdin.Write(append(line, '\n'))
}

// ask sends a request and waits for the answer. A server that gives none is
// killed.
func (l *life) ask(method string, params any) (began time.Duration, a answer) {
	type exchange struct {
		began time.Duration
		answer
	}
	answered, done := make(chan exchange, 1), make(chan struct{})
	asked := l.w.now()
	l.send(method, params, func(began time.Duration, a answer) {
		answered <- exchange{began, a}
		close(done)
	})
	if !l.w.within(answerTime, done) {
		l.tell(opKill) // nothing else that it is asked need wait
		return asked, answer{at: l.w.now(), fault: noAnswer}
	}
	got := <-answered
	return got.began, got.answer
}

// call calls a tool and decodes its structured result into out.
func (l *life) call(tool string, arguments map[string]any, out any) (began time.Duration, a answer) {
	began, a = l.ask("tools/call", map[string]any{"name": tool, "arguments": arguments})
	a.fault = toolFault(a, out)
	return began, a
}

// toolFault decodes the answer of a tool into out, unless that is nil, and
// returns what went wrong.
func toolFault(a answer, out any) string {
	if a.fault != "" {
		return a.fault
	}
	var r struct {
		StructuredContent json.RawMessage
		IsError           bool
		Content           []struct{ Text string }
	}
	if err := json.Unmarshal(a.result, &r); err != nil {
		return err.Error()
	}
	if r.IsError {
		if len(r.Content) > 0 {
			return r.Content[0].Text
		}
		return "an error without a text"
	}
	if out == nil {
		return ""
	}
	if err := json.Unmarshal(r.StructuredContent, out); err != nil {
		return err.Error()
	}
	return ""
}

// notify sends a notification.
func (l *life) notify(method string) {
	io.WriteString(l.stdin, `{"jsonrpc":"2.0","method":"`+method+`"}`+"\n")
}
