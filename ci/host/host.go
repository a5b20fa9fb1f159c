// Package host plays an MCP host: it starts servers and speaks with them over
// their standard input and output.
package host

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"sync/atomic"
)

// ErrGone says that the server ended before it answered.
var ErrGone = errors.New("the server is gone")

// ToolError is a tool's own refusal, in its words.
type ToolError struct{ Text string }

func (e *ToolError) Error() string { return e.Text }

// RPCError is a JSON-RPC error.
type RPCError struct {
	Code    int
	Message string
}

func (e *RPCError) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// Session is a running server. Its methods may be called at the same time.
type Session struct {
	cmd    *exec.Cmd
	nextID atomic.Int64
	gone   chan struct{} // closed when the server has ended
	exit   error         // how, from then on

	writing sync.Mutex
	in      io.WriteCloser

	mu      sync.Mutex
	waiting map[string]chan []byte // by the request's id as it is written
}

// Start starts cmd, whose standard input and output are the session's. Every
// session must be ended with [Session.Close] or [Session.Kill].
func Start(cmd *exec.Cmd) (*Session, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Session{cmd: cmd, in: in, gone: make(chan struct{}), waiting: map[string]chan []byte{}}
	go s.read(out)
	return s, nil
}

// PID is the server's process id.
func (s *Session) PID() int { return s.cmd.Process.Pid }

func (s *Session) read(out io.Reader) {
	defer close(s.gone)
	defer func() { s.exit = s.cmd.Wait() }() // not before the last answer was read
	r := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		var head struct {
			ID     json.RawMessage
			Method string
		}
		if json.Unmarshal(line, &head) != nil || head.Method != "" {
			continue // a notification
		}
		s.mu.Lock()
		answer := s.waiting[string(head.ID)]
		delete(s.waiting, string(head.ID))
		s.mu.Unlock()
		if answer != nil {
			answer <- line
		}
	}
}

// Exchange sends one JSON-RPC message and returns the answer to it, or nil
// for a message that gets none.
func (s *Session) Exchange(ctx context.Context, message []byte) ([]byte, error) {
	var head struct {
		ID     json.RawMessage
		Method string
	}
	if err := json.Unmarshal(message, &head); err != nil {
		return nil, err
	}
	if head.ID == nil || head.Method == "" {
		return nil, s.send(message)
	}
	answer := make(chan []byte, 1)
	s.mu.Lock()
	s.waiting[string(head.ID)] = answer
	s.mu.Unlock()
	if err := s.send(message); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	select {
	case line := <-answer:
		return line, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.gone:
	}
	select {
	case line := <-answer: // it came last
		return line, nil
	default:
		return nil, ErrGone
	}
}

func (s *Session) send(message []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.in.Write(append(bytes.TrimSpace(message), '\n'))
	return err
}

// Request calls method and reads its result into result, unless that is nil.
// The error may be an [*RPCError].
func (s *Session) Request(ctx context.Context, method string, params, result any) error {
	request := map[string]any{"jsonrpc": "2.0", "id": s.nextID.Add(1), "method": method}
	if params != nil {
		request["params"] = params
	}
	message, err := json.Marshal(request)
	if err != nil {
		return err
	}
	line, err := s.Exchange(ctx, message)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	var answer struct {
		Result json.RawMessage
		Error  *RPCError
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %w", method, answer.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

// Capabilities says by its keys what a server offers.
type Capabilities map[string]json.RawMessage

// Initialize shakes hands in the protocol of 2025-11-25.
func (s *Session) Initialize(ctx context.Context) (Capabilities, error) {
	var result struct{ Capabilities Capabilities }
	err := s.Request(ctx, "initialize", map[string]any{
		"protocolVersion": "2025-11-25",
		"capabilities":    map[string]any{},
		"clientInfo":      map[string]any{"name": "memlatch-ci", "version": "1"},
	}, &result)
	if err != nil {
		return nil, err
	}
	_, err = s.Exchange(ctx, []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	return result.Capabilities, err
}

// Call calls a tool and reads its structured content into result, unless that
// is nil. The error may be a [*ToolError].
func (s *Session) Call(ctx context.Context, tool string, arguments, result any) error {
	var answer struct {
		IsError           bool
		StructuredContent json.RawMessage
		Content           []struct{ Text string }
	}
	err := s.Request(ctx, "tools/call", map[string]any{"name": tool, "arguments": arguments}, &answer)
	if err != nil {
		return err
	}
	if answer.IsError {
		e := &ToolError{"no reason given"}
		if len(answer.Content) > 0 {
			e.Text = answer.Content[0].Text
		}
		return fmt.Errorf("%s: %w", tool, e)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.StructuredContent, result)
}

// Close ends the server's input and waits for its end, and kills it when ctx
// ends first. The error is then ctx's, or else the server's exit code.
func (s *Session) Close(ctx context.Context) error {
	s.in.Close()
	select {
	case <-s.gone:
		return s.exit
	case <-ctx.Done():
		s.Kill()
		return fmt.Errorf("process %d outlived its input: %w", s.PID(), ctx.Err())
	}
}

// Kill kills the server and waits for its end.
func (s *Session) Kill() {
	s.cmd.Process.Kill()
	<-s.gone
}
