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
	stop   func()                  // asks for the end
	cancel context.CancelCauseFunc // what is in hand

	in      io.Reader
	reading sync.Mutex // held while there is something that has been read
	out     io.Writer
	writing sync.Mutex

	slots   chan struct{} // full of the requests in hand
	calls   chan message  // those of them that are answered in order
	cancels sync.Map      // what cancels each, by id
}

// converse answers the requests that come from in. Once in has ended, or stop
// has, or out fails, it answers what it had read by then, for drainTime at
// most, and reports whether it got to the end of that.
func converse(stop context.Context, m *server.MCPServer, in io.Reader, out io.Writer) bool {
	s := &session{mcp: m, client: server.NewInProcessSession(sessionID, nil), in: in, out: out,
		slots: make(chan struct{}, maxPending), calls: make(chan message, maxPending)}
	ctx, cancel := context.WithCancelCause(m.WithContext(context.WithValue(context.Background(), sessionKey{}, s), s.client))
	defer cancel(nil)
	stop, s.stop = context.WithCancel(stop)
	s.cancel = cancel
	m.RegisterSession(ctx, s.client) // fails only when done twice
	defer m.UnregisterSession(ctx, s.client.SessionID())
	go s.notify(ctx)
	go func() {
		for m := range s.calls {
			s.answer(m)
		}
	}()
	s.reading.Lock()
	go s.read(ctx)
	<-stop.Done()

	answering, done := context.WithCancel(context.Background())
	go func() {
		s.reading.Lock() // for good
		for range maxPending {
			s.slots <- struct{}{}
		}
		done()
	}()
	if ctx.Err() != nil || pause(answering, drainTime) {
		cancel(errStopping)
		pause(answering, lastWords)
	}
	return ctx.Err() == nil
}

// read takes the lines of the input until it ends or nobody wants more.
func (s *session) read(ctx context.Context) {
	defer s.reading.Unlock()
	defer s.stop()
	defer close(s.calls)
	r := bufio.NewReaderSize(s, 64<<10)
	for {
		line, tooLong, err := readLine(r, maxLine)
		switch {
		case tooLong:
			why := fmt.Sprintf("message too long: it has more than %d bytes", maxLine)
			s.take(ctx, message{kind: request, refusal: refuse(outerID(line), mcp.INVALID_REQUEST, why)})
		case len(bytes.TrimSpace(line)) > 0:
			s.take(ctx, parse(line))
		}
		if err != nil {
			return
		}
	}
}

// Read reads more of the input. It does not return when nobody wants more.
func (s *session) Read(p []byte) (int, error) {
	s.reading.Unlock()
	defer s.reading.Lock()
	return s.in.Read(p)
}

// take has m answered if it is a request, as soon as there is a slot for it.
func (s *session) take(ctx context.Context, m message) {
	switch m.kind {
	case notification:
		s.handle(ctx, m)
		return
	case cancellation:
		if cancel, ok := s.cancels.Load(string(m.id)); ok {
			cancel.(context.CancelCauseFunc)(errCancelled)
		}
		return
	}
	s.awaitSlot()
	m.ctx, m.cancel = context.WithCancelCause(ctx)
	if m.id != nil {
		s.cancels.Store(string(m.id), m.cancel)
	}
	if m.kind == request {
		go s.answer(m)
	} else {
		s.calls <- m
	}
}

func (s *session) awaitSlot() {
	for {
		select {
		case s.slots <- struct{}{}:
			return
		case <-time.After(drainTime):
		}
		if hungUp(s.in) { // the end of the input is behind what is held back
			s.cancel(errStopping)
			s.stop()
		}
	}
}

// answer handles one request and writes what it is answered with. What the
// host has cancelled gets no answer.
func (s *session) answer(m message) {
	var response any
	if context.Cause(m.ctx) != errCancelled { // perhaps while it was queued
		response = s.handle(m.ctx, m)
	}
	if response != nil && context.Cause(m.ctx) != errCancelled && s.write(response) != nil {
		s.stop() // nobody reads the answers any more
	}
	m.cancel(nil)
	s.cancels.Delete(string(m.id))
	<-s.slots
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

// message is one line of the input.
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
	call    kind = iota // of a tool, or the first: done in order
	batch               // of messages
	request             // any other
	notification
	cancellation // of a request
)

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
