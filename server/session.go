package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
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
		cancels  = map[string]context.CancelCauseFunc{} // of what is pending, by id
		stopped  bool                                   // no more than what has been read
		idle     bool                                   // and nothing read is left
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
			case call, batch, request:
				pending++
				m.ctx, m.cancel = context.WithCancelCause(ctx)
				if m.id != nil {
					cancels[string(m.id)] = m.cancel
				}
				if m.kind == request {
					go func() { answered <- s.answer(m) }()
				} else {
					calls <- m
				}
			case cancellation:
				if cancel := cancels[string(m.id)]; cancel != nil {
					cancel(errCancelled)
				}
			case notification:
				s.handle(ctx, m)
			}
		case a := <-answered:
			pending--
			stuck = nil
			delete(cancels, string(a.id))
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
	id  json.RawMessage
	err error
}

// answer handles one request and writes what it is answered with. What the
// host has cancelled gets no answer.
func (s *session) answer(m message) answered {
	defer m.cancel(nil)
	var response any
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
func (s *session) handle(ctx context.Context, m message) (response any) {
	defer func() {
		if r := recover(); r != nil {
			response = refuse(m.id, mcp.INTERNAL_ERROR, fmt.Sprint("internal error: ", r))
		}
	}()
	switch {
	case m.refusal != nil:
		return m.refusal
	case m.kind == batch:
		return s.handleBatch(ctx, m.line)
	}
	if m.progress != nil {
		ctx = context.WithValue(ctx, progressKey{}, m.progress)
	}
	switch r := s.mcp.HandleMessage(ctx, m.line).(type) { // which rounds large ids
	case mcp.JSONRPCResponse:
		r.ID = mcp.NewRequestId(m.id)
		return r
	case mcp.JSONRPCError:
		r.ID = mcp.NewRequestId(m.id)
		return r
	default:
		return r
	}
}

// handleBatch handles one message after the other, if the protocol's version
// has such batches.
func (s *session) handleBatch(ctx context.Context, line json.RawMessage) any {
	var lines []json.RawMessage
	var responses []any
	if version := s.client.ProtocolVersion(); version != "2024-11-05" && version != "2025-03-26" {
		return refuse(nil, mcp.INVALID_REQUEST, "this version of the protocol has no batches: send each message on a line of its own")
	}
	if json.Unmarshal(line, &lines); len(lines) == 0 {
		return refuse(nil, mcp.INVALID_REQUEST, "the batch is empty")
	}
	for _, line := range lines {
		m := parse(line)
		if m.kind == batch {
			m.refusal = refuse(nil, mcp.INVALID_REQUEST, "a batch in a batch")
		}
		if response := s.handle(ctx, m); response != nil {
			responses = append(responses, response)
		}
	}
	if responses == nil {
		return nil
	}
	return responses
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
type progressKey struct{} // of an [mcp.ProgressToken]

// reportProgress tells the host of the call that ctx belongs to how far it is,
// if the host wants to know. mcp-go would have that overtaken by the answer.
func reportProgress(ctx context.Context, done, total int64) {
	s, _ := ctx.Value(sessionKey{}).(*session)
	token := ctx.Value(progressKey{})
	if s == nil || token == nil {
		return
	}
	s.write(struct {
		JSONRPC string `json:"jsonrpc"`
		mcp.ProgressNotification
	}{mcp.JSONRPC_VERSION, mcp.NewProgressNotification(token, float64(done), new(float64(total)), nil)})
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
	kind     kind
	id       json.RawMessage // nil if there is none; of a cancellation, that of the request
	progress json.RawMessage // the token to report progress with, or nil
	line     json.RawMessage
	refusal  any // the answer to a line that is no message

	ctx    context.Context // of a request in hand
	cancel context.CancelCauseFunc
}

type kind int

const (
	idling  kind = iota // all that was read has been delivered
	ended               // so it is, and no more will come
	call                // of a tool, or the first: done in order
	batch               // of messages
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
			deliver(message{kind: request, refusal: refuse(outerID(line), mcp.INVALID_REQUEST, fmt.Sprintf("message too long: it has more than %d bytes", maxLine))})
		case len(bytes.TrimSpace(line)) > 0:
			deliver(parse(line))
		}
		if err != nil {
			deliver(message{kind: ended})
			return
		}
	}
}

// lineEnds is how much is left of either end of a line that is too long.
const lineEnds = 1000

// readLine reads up to the end of a line or of the input. Of a line that
// exceeds most bytes it returns the two ends.
func readLine(r *bufio.Reader, most int) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > most {
			tooLong = true
			line = append(line[:lineEnds], line[len(line)-lineEnds:]...)
		}
		if err != bufio.ErrBufferFull {
			return line, tooLong, err
		}
	}
}

// outerID returns the id of a request of which the ends are left, or nil. Only
// what is simple stands between it and one of them.
func outerID(ends []byte) json.RawMessage {
	const id, other = `"id"\s*:\s*(-?[0-9][0-9.eE+-]*|"(?:[^"\\]|\\.)*")`, `"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"`
	for _, pattern := range []string{`^\s*\{\s*(?:` + other + `\s*,\s*)*` + id, id + `\s*(?:,\s*` + other + `\s*)*\}\s*$`} {
		if found := regexp.MustCompile(pattern).FindSubmatch(ends); found != nil && json.Valid(found[1]) {
			return found[1]
		}
	}
	return nil
}

func parse(line []byte) message {
	var head struct {
		Method string          `json:"method"`
		ID     json.RawMessage `json:"id"`
		Params struct {
			RequestID json.RawMessage `json:"requestId"`
			Meta      struct {
				ProgressToken json.RawMessage `json:"progressToken"`
			} `json:"_meta"`
		} `json:"params"`
	}
	switch {
	case !json.Valid(line):
		return message{kind: request, refusal: refuse(nil, mcp.PARSE_ERROR, "not valid JSON")}
	case bytes.TrimSpace(line)[0] == '[':
		return message{kind: batch, line: line}
	}
	m := message{kind: request, line: line}
	var other *json.UnmarshalTypeError // which leaves the rest decoded
	if err := json.Unmarshal(line, &head); err != nil && !errors.As(err, &other) {
		return m // mcp-go says what is wrong with it
	}
	if string(head.ID) != "null" {
		m.id = head.ID
	}
	m.progress = head.Params.Meta.ProgressToken
	switch mcp.MCPMethod(head.Method) {
	case mcp.MethodNotificationCancelled:
		m.kind, m.id = cancellation, head.Params.RequestID
	case mcp.MethodToolsCall, mcp.MethodInitialize:
		m.kind = call
	}
	if m.id == nil && head.Method != "" && m.kind != cancellation {
		m.kind = notification
	}
	return m
}

func refuse(id json.RawMessage, code int, why string) mcp.JSONRPCError {
	return mcp.NewJSONRPCError(mcp.NewRequestId(id), code, why, nil)
}
