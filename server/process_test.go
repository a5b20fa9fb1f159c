package main

// A process is a real server with a test for its host: it is what the scripts
// and the tests of several processes drive.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// patience is for what takes milliseconds, or as long as the machine is busy,
// unless something is broken.
const patience = 20 * time.Second

type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan []byte // closed at the end of the output
	exited chan struct{}
	err    error // what Wait said; after exited

	mu     sync.Mutex
	stderr bytes.Buffer
	nextID int
}

// start starts a server that lives in env. It does not wait for anything.
func start(env []string) (*process, error) {
	program, err := exec.LookPath("memlatch") // TestMain puts it there
	if err != nil {
		return nil, err
	}
	return startCommand(exec.Command(program), env)
}

func startCommand(cmd *exec.Cmd, env []string) (*process, error) {
	p := &process{cmd: cmd, lines: make(chan []byte, 1000), exited: make(chan struct{})}
	onItsOwn(cmd)
	cmd.Env = env
	cmd.Stderr = p
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadBytes('\n')
			if len(line) > 0 {
				p.lines <- line
			}
			if err != nil {
				break
			}
		}
		close(p.lines)
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Write collects what the server says on standard error.
func (p *process) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(data)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// send sends a request and does not wait for its answer.
func (p *process) send(method string, params any) error {
	p.nextID++
	line, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": p.nextID, "method": method, "params": params})
	if err != nil {
		return err
	}
	_, err = p.stdin.Write(append(line, '\n'))
	return err
}

// answer is what a request was answered with.
type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

var errNoAnswer = errors.New("no answer")

// receive returns the next answer.
func (p *process) receive() (answer, error) {
	var a answer
	select {
	case line, ok := <-p.lines:
		if !ok {
			return a, fmt.Errorf("%w: the output has ended; it said %q", errNoAnswer, p.said())
		}
		if err := json.Unmarshal(line, &a); err != nil {
			return a, fmt.Errorf("not protocol on standard output: %q", line)
		}
		if a.Error != nil {
			return a, &errRequest{a.Error.Message}
		}
		return a, nil
	case <-time.After(patience):
		return a, fmt.Errorf("%w; it said %q", errNoAnswer, p.said())
	}
}

func (p *process) request(method string, params any) (json.RawMessage, error) {
	if err := p.send(method, params); err != nil {
		return nil, err
	}
	a, err := p.receive()
	return a.Result, err
}

func (p *process) handshake() error {
	_, err := p.request("initialize", map[string]any{
		"protocolVersion": "2025-06-18",
		"capabilities":    map[string]any{},
		"clientInfo":      map[string]any{"name": "test", "version": "1"},
	})
	return err
}

func toolCall(tool string, args any) map[string]any {
	return map[string]any{"name": tool, "arguments": args}
}

// errRequest is what a request that fails is answered with.
type errRequest struct{ message string }

func (e *errRequest) Error() string { return e.message }

// errTool is what a tool says when it fails.
type errTool struct{ message string }

func (e *errTool) Error() string { return e.message }

// toolResult takes the structured content out of a tool's answer.
func toolResult(raw json.RawMessage) (json.RawMessage, error) {
	var r struct {
		IsError           bool
		Content           []struct{ Text string }
		StructuredContent json.RawMessage
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, err
	}
	if r.IsError {
		return nil, &errTool{r.Content[0].Text}
	}
	return r.StructuredContent, nil
}

// call calls a tool and decodes its structured result into result, unless
// that is nil.
func (p *process) call(tool string, args, result any) error {
	raw, err := p.request("tools/call", toolCall(tool, args))
	if err == nil {
		raw, err = toolResult(raw)
	}
	if err == nil && result != nil {
		err = json.Unmarshal(raw, result)
	}
	return err
}

// wait waits for the server's end, which must be in order.
func (p *process) wait() error {
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("%v; it said %q", p.err, p.said())
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("process %d does not end", p.pid())
	}
}

// eof ends the server's input and waits for its end.
func (p *process) eof() error {
	p.stdin.Close()
	return p.wait()
}

// crash ends the server without any warning.
func (p *process) crash() {
	p.cmd.Process.Kill()
	<-p.exited
}

// environment is a world of its own for servers, in dir.
func environment(dir string) []string {
	return append(os.Environ(),
		"HOME="+dir, "USERPROFILE="+dir,
		"MEMLATCH_HOME="+dir+string(os.PathSeparator)+"home",
		"MEMLATCH_RUNTIME_DIR="+dir+string(os.PathSeparator)+"run",
	)
}
