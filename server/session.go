package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const (
	// drainTime is how long the requests that were read may take once the
	// host has gone or asked to stop: hosts lose patience after 2 s.
	drainTime = 1500 * time.Millisecond
	// lastWords is how long those that took longer have to be answered with
	// that.
	lastWords = 200 * time.Millisecond
	// maxPending bounds the requests in hand. Beyond it input stays in the
	// pipe, so that a host which reads no answers costs little memory.
	maxPending = 32
	// maxLine bounds one message, in bytes. The longest text there may be
	// fits in with every character escaped.
	maxLine = 1 << 20
)

var (
	errCancelled = errors.New("the host has cancelled this")
	errStopping  = &problem{what: "not finished: the host has gone or asked the server to stop, or its input has ended",
		hint: "look whether it was done all the same, and if not, ask again"}
)

// sessionID is what mcp-go calls the only session there is.
const sessionID = "stdio"

// session is the conversation with one host. mcp-go's own loop for standard
// input cancels the requests it has read when the input ends; this one
// answers them, tool calls in the order in which they came.
type session struct {
	mcp    *server.MCPServer
	client *server.InProcessSession

	writing sync.Mutex
	out     io.Writer
}

// converse answers the requests that come from in. Once in has ended, or stop
// has, or out fails, it answers what it had read by then, for drainTime at
// most, and reports whether it got to the end of that.
func converse(stop context.Context, m *server.MCPServer, in io.Reader, out io.Writer) bool {
	s := &session{mcp: m, client: server.NewInProcessSession(sessionID, nil), out: out}
	ctx, cancel := context.WithCancelCause(m.WithContext(context.WithValue(context.Background(), sessionKey{}, s), s.client))
	defer cancel(nil)
	m.RegisterSession(ctx, s.client) // fails only when done twice
	defer m.UnregisterSession(ctx, s.client.SessionID())

	go s.notify(ctx)
	answered := make(chan answered, maxPending) // never blocks
	calls := make(chan message, maxPending)     // never blocks either
	defer close(calls)
	go func() {
		for m := range calls {
			answered <- s.answer(m)
		}
	}()

	messages := make(chan message)
	go read(ctx, in, messages)
	var (
		pending  int
		cancels  = map[any]context.CancelCauseFunc{} // of what is pending, by id
		stopped  bool                                // no more than what has been read
		idle     bool                                // and nothing read is left
		gaveUp   bool
		deadline <-chan time.Time
		stuck    <-chan time.Time // while input is held back and nothing moves
	)
	end := func() {
		if !stopped {
			stopped, deadline = true, time.After(drainTime)
		}
	}
	giveUp := func() {
		stopped, gaveUp, deadline = true, true, time.After(lastWords)
		cancel(errStopping)
	}
	for !(stopped && (idle || gaveUp) && pending == 0) {
		source := messages
		if pending == maxPending || stopped && idle {
			source = nil
		}
		stopping := stop.Done()
		if stopped {
			stopping = nil
		}
		if pending < maxPending || stopped {
			stuck = nil
		} else if stuck == nil {
			stuck = time.After(drainTime)
		}
		select {
		case m := <-source:
			idle = m.kind == idling || m.kind == ended
			switch m.kind {
			case ended:
				end()
			case call, request:
				pending++
				m.ctx, m.cancel = context.WithCancelCause(ctx)
				if m.id != nil {
					cancels[m.id] = m.cancel
				}
				if m.kind == call {
					calls <- m
				} else {
					go func() { answered <- s.answer(m) }()
				}
			case cancellation:
				if cancel := cancels[m.id]; cancel != nil {
					cancel(errCancelled)
				}
			case notification:
				s.handle(ctx, m)
			}
		case a := <-answered:
			pending--
			stuck = nil
			delete(cancels, a.id)
			if a.err != nil { // nobody reads the answers any more
				end()
			}
		case <-stopping:
			end()
		case <-stuck:
			stuck = nil
			if hungUp(in) { // the end of the input is behind what is held back
				giveUp()
			}
		case <-deadline:
			if gaveUp {
				return false
			}
			giveUp()
		}
	}
	return !gaveUp
}

// answered says that a request has been.
type answered struct {
	id  any
	err error
}

// answer handles one request and writes what it is answered with. What the
// host has cancelled gets no answer.
func (s *session) answer(m message) answered {
	defer m.cancel(nil)
	var response mcp.JSONRPCMessage
	if context.Cause(m.ctx) != errCancelled { // perhaps while it was queued
		response = s.handle(m.ctx, m)
	}
	if response == nil || context.Cause(m.ctx) == errCancelled {
		return answered{id: m.id}
	}
	return answered{m.id, s.write(response)}
}

// handle returns what m is answered with, or nil. A bug in a handler becomes
// an answer too: the other requests are not to blame.
func (s *session) handle(ctx context.Context, m message) (response mcp.JSONRPCMessage) {
	defer func() {
		if r := recover(); r != nil {
			response = mcp.NewJSONRPCError(mcp.NewRequestId(m.id), mcp.INTERNAL_ERROR, fmt.Sprint("internal error: ", r), nil)
		}
	}()
	if m.refusal != nil {
		return m.refusal
	}
	return s.mcp.HandleMessage(ctx, m.line)
}

// notify sends the host what it did not ask for.
func (s *session) notify(ctx context.Context) {
	for {
		select {
		case n := <-s.client.ClientNotifications():
			s.write(n)
		case <-ctx.Done():
			return
		}
	}
}

const logPrefix = "memlatch: "

// hostLog sends the host what the server logs, if it wants to know.
type hostLog struct{ mcp *server.MCPServer }

func (h hostLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(line), logPrefix))
	h.mcp.SendLogMessageToSpecificClient(sessionID, mcp.NewLoggingMessageNotification(mcp.LoggingLevelNotice, "memlatch", text))
	return len(line), nil
}

type sessionKey struct{}  // of a *session
type progressKey struct{} // of an [mcp.ProgressToken], which may be nil

// reportProgress tells the host of the call that ctx belongs to how far it is,
// if the host wants to know. mcp-go would have that overtaken by the answer.
func reportProgress(ctx context.Context, done, total int64) {
	s, _ := ctx.Value(sessionKey{}).(*session)
	token := ctx.Value(progressKey{})
	if s == nil || token == nil {
		return
	}
	whole := float64(total)
	s.write(struct {
		JSONRPC string `json:"jsonrpc"`
		mcp.ProgressNotification
	}{mcp.JSONRPC_VERSION, mcp.NewProgressNotification(token, float64(done), &whole, nil)})
}

func (s *session) write(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err = s.out.Write(append(line, '\n'))
	return err
}

// message is one line of the input, or news about the input.
type message struct {
	kind    kind
	id      any // nil, a string or a float64; of a cancellation, that of the request
	line    json.RawMessage
	refusal *mcp.JSONRPCError // the answer to a line that is no message

	ctx    context.Context // of a request in hand
	cancel context.CancelCauseFunc
}

type kind int

const (
	idling  kind = iota // all that was read has been delivered
	ended               // so it is, and no more will come
	call                // of a tool
	request             // any other
	notification
	cancellation // of a request
)

// read delivers the lines of in until it ends or ctx does. Before it waits
// for input it says that it is idling.
func read(ctx context.Context, in io.Reader, messages chan<- message) {
	deliver := func(m message) {
		select {
		case messages <- m:
		case <-ctx.Done():
		}
	}
	r := bufio.NewReaderSize(in, 64<<10)
	for ctx.Err() == nil {
		if buffered, _ := r.Peek(r.Buffered()); bytes.IndexByte(buffered, '\n') < 0 {
			deliver(message{kind: idling})
		}
		line, tooLong, err := readLine(r, maxLine)
		switch {
		case tooLong:
			deliver(refuse(mcp.INVALID_REQUEST, "message too long"))
		case len(bytes.TrimSpace(line)) > 0:
			deliver(parse(line))
		}
		if err != nil {
			deliver(message{kind: ended})
			return
		}
	}
}

// readLine reads up to the end of a line or of the input; what exceeds
// most bytes is skipped.
func readLine(r *bufio.Reader, most int) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > most {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			return line, tooLong, err
		}
	}
}

func parse(line []byte) message {
	var head struct {
		Method string `json:"method"`
		ID     any    `json:"id"`
		Params struct {
			RequestID any `json:"requestId"`
		} `json:"params"`
	}
	if !json.Valid(line) {
		return refuse(mcp.PARSE_ERROR, "not valid JSON")
	}
	m := message{kind: request, line: line}
	var other *json.UnmarshalTypeError // which leaves the rest decoded
	if err := json.Unmarshal(line, &head); err != nil && !errors.As(err, &other) {
		return m // mcp-go says what is wrong with it
	}
	switch m.id = simple(head.ID); {
	case head.Method == string(mcp.MethodNotificationCancelled):
		m.kind, m.id = cancellation, simple(head.Params.RequestID)
	case head.ID == nil && head.Method != "":
		m.kind = notification
	case head.Method == string(mcp.MethodToolsCall):
		m.kind = call
	}
	return m
}

// simple returns id if it is what an id may be.
func simple(id any) any {
	switch id.(type) {
	case string, float64:
		return id
	}
	return nil
}

func refuse(code int, why string) message {
	e := mcp.NewJSONRPCError(mcp.NewRequestId(nil), code, why, nil)
	return message{kind: request, refusal: &e}
}
