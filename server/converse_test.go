package main

// A session answers what it has read, in whatever way it ends, and what a host
// sends cannot make it hang, fall over or grow.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// testServer has a tool "wait", which says on started that it has been called
// and returns when release is closed or it is cancelled, and a tool "panic".
func testServer(started chan<- bool, release <-chan struct{}) *server.MCPServer {
	m := server.NewMCPServer("test", "1")
	m.AddTool(mcp.NewTool("wait"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		started <- true
		select {
		case <-release:
		case <-ctx.Done():
		}
		return mcp.NewToolResultText("waited"), nil
	})
	m.AddTool(mcp.NewTool("panic"), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		panic("a bug")
	})
	return m
}

func requestLine(id int, method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", id, method, params)
}

func waitLine(id int) string { return requestLine(id, "tools/call", `{"name":"wait"}`) }

// ids returns the ids of the answers in out, in order; null counts as 0.
func ids(t *testing.T, out []byte) (ids []int) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var a struct{ ID int }
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("not protocol: %q", line)
		}
		ids = append(ids, a.ID)
	}
	return ids
}

// waits returns n calls of the tool and the ids of their answers.
func waits(n int) (lines string, want []int) {
	for id := 1; id <= n; id++ {
		lines += waitLine(id)
		want = append(want, id)
	}
	return lines, want
}

// atEnd calls do when it is read from, and has nothing to read.
type atEnd struct{ do func() }

func (a atEnd) Read([]byte) (int, error) {
	a.do()
	return 0, io.EOF
}

func TestEndOfInputAnswersCallsInOrder(t *testing.T) {
	started, release := make(chan bool, maxPending), make(chan struct{})
	lines, want := waits(maxPending - 1)
	lines = strings.TrimSuffix(lines, "\n") // the last line counts all the same
	in := io.MultiReader(strings.NewReader(lines), atEnd{func() { close(release) }})
	var out bytes.Buffer
	if !converse(t.Context(), testServer(started, release), in, &out) {
		t.Error("not everything was answered")
	}
	if got := ids(t, out.Bytes()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("answered %v, want %v", got, want)
	}
}

func TestStopAnswersWhatWasRead(t *testing.T) {
	started, release := make(chan bool, 2*maxPending), make(chan struct{})
	lines, want := waits(maxPending + 3) // the last ones are read but not yet in hand
	in, host := io.Pipe()
	stop, cancel := context.WithCancel(t.Context())
	go func() {
		io.WriteString(host, lines)
		<-started
		cancel()
		close(release)
	}()
	var out bytes.Buffer
	if !converse(stop, testServer(started, release), in, &out) {
		t.Error("not everything was answered")
	}
	if got := ids(t, out.Bytes()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("answered %v, want %v", got, want)
	}
}

func TestBlockedCallDoesNotKeepTheServer(t *testing.T) {
	started := make(chan bool, 1)
	begin := time.Now()
	var out bytes.Buffer
	if converse(t.Context(), testServer(started, nil), strings.NewReader(waitLine(1)), &out) {
		t.Error("a call that never returned counts as answered")
	}
	if took := time.Since(begin); took < drainTime || took > patience {
		t.Errorf("gave up after %v", took)
	}
}

func TestBlockedCallDoesNotHoldUpPing(t *testing.T) {
	started, release := make(chan bool, 1), make(chan struct{})
	in, host := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan bool)
	go func() {
		drained := converse(t.Context(), testServer(started, release), in, out)
		out.Close() // had it given up on the call, there would be no answer
		done <- drained
	}()
	go func() {
		io.WriteString(host, waitLine(1))
		<-started
		io.WriteString(host, requestLine(2, "ping", "{}"))
		host.Close()
	}()
	first, err := bufio.NewReader(answers).ReadBytes('\n')
	if err != nil || fmt.Sprint(ids(t, first)) != "[2]" {
		t.Errorf("the first answer is %q, %v", first, err)
	}
	answers.Close()
	close(release)
	<-done
}

// stuck is a host that never reads.
type stuck struct{}

func (stuck) Write([]byte) (int, error) { select {} }

// counted counts what has been read from it.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestUnreadAnswersHoldBackTheInput(t *testing.T) {
	line := requestLine(1, "ping", "{}")
	in := &counted{Reader: strings.NewReader(strings.Repeat(line, 100_000))}
	stop, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if converse(stop, testServer(nil, nil), in, stuck{}) {
		t.Error("answers that nobody took count as given")
	}
	if most := maxPending*len(line) + 2*64<<10; in.n > most {
		t.Errorf("read %d bytes ahead, more than %d", in.n, most)
	}
}

// gone is a host that has closed its end.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestClosedOutputEndsTheSession(t *testing.T) {
	in, host := io.Pipe()
	go io.WriteString(host, requestLine(1, "ping", "{}"))
	done := make(chan bool)
	go func() { done <- converse(t.Context(), testServer(nil, nil), in, gone{}) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("still serving a host that is gone")
	}
}

func TestNonsenseIsAnsweredAndSkipped(t *testing.T) {
	long := strings.Repeat("x", maxLine+1)
	in := "\n \n{\n" + `[{"jsonrpc":"2.0","id":1,"method":"ping"}]` + "\n" + `"ping"` + "\n" +
		`{"jsonrpc":"1.0","id":2,"method":"ping"}` + "\n" +
		`{"jsonrpc":"2.0","method":"notifications/unknown"}` + "\n" +
		`{"jsonrpc":"2.0","id":77,"result":{}}` + "\n" + // an answer to nothing
		long + "\n" + requestLine(3, "ping", "{}")
	var out bytes.Buffer
	if !converse(t.Context(), testServer(nil, nil), strings.NewReader(in), &out) {
		t.Error("not everything was answered")
	}
	count := map[int]int{}
	for _, id := range ids(t, out.Bytes()) {
		count[id]++
	}
	if want := map[int]int{0: 4, 2: 1, 3: 1}; fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("answers per id are %v, want %v:\n%s", count, want, out.Bytes())
	}
	if !strings.Contains(out.String(), "message too long") {
		t.Errorf("the long line was not refused:\n%s", out.Bytes())
	}
}

// A host waits for the answer to its id, wherever its library puts that.
func TestTooLongCallsAreAnsweredByTheirID(t *testing.T) {
	text := strings.Repeat(`x\"id\":9,`, maxLine/8)
	call := `"params":{"name":"mem_add","arguments":{"id":1,"text":"` + text + `"}}`
	for line, want := range map[string]string{
		`{"jsonrpc":"2.0","id":7,"method":"tools/call",` + call + `}`:                      `7`,
		`{"jsonrpc": "2.0", "method": "tools/call", "id" : "a\"b" , ` + call + ` }`:        `"a\"b"`,
		`{"method":"tools/call",` + call + `,"jsonrpc":"2.0","id":12345678901234567890}`:   `12345678901234567890`,
		`{"method":"tools/call",` + call + `,"id":"8","jsonrpc":"2.0"}`:                    `"8"`,
		`{"jsonrpc":"2.0","method":"notifications/x",` + call + `}`:                        `null`,
		`{"jsonrpc":"2.0","method":"x","params":{"text":"` + text + `","id":5},"other":1}`: `null`,
		`{"jsonrpc":"2.0","method":"x","params":{"text":"` + text + `","meta":{"id":5}}}`:  `null`,
		`{"jsonrpc":"2.0","method":"x","params":{"text":"` + text + `,\"id\":5}"}}`:        `null`,
		`{"params":{"id":3,"text":"` + text + `"},"jsonrpc":"2.0","method":"x","id":4} `:   `4`,
		`[{"jsonrpc":"2.0","id":6,"method":"x","params":{"text":"` + text + `"}}]`:         `null`,
		text: `null`,
	} {
		var out bytes.Buffer
		converse(t.Context(), testServer(nil, nil), strings.NewReader(line+"\n"+requestLine(10, "ping", "{}")), &out)
		got := out.String()
		if !strings.Contains(got, `"id":`+want+`,"error":{"code":-32600,"message":"message too long`) || !strings.Contains(got, `"id":10,"result"`) || strings.Count(got, "\n") != 2 {
			t.Errorf("%.60s… %s: answered %s", line, want, got)
		}
	}
}

func TestBatchesAreOfTheirVersions(t *testing.T) {
	for version, has := range map[string]bool{"2024-11-05": true, "2025-03-26": true, "2025-06-18": false, "2025-11-25": false, "": false} {
		started, release := make(chan bool, 2), make(chan struct{})
		close(release)
		in := fmt.Sprintf(`[%s,{"jsonrpc":"2.0","method":"notifications/x"},%s,{"jsonrpc":"2.0","id":4,"method":"nothing"}]`,
			strings.TrimSpace(waitLine(2)), strings.TrimSpace(requestLine(3, "ping", "{}")))
		if version != "" {
			in = requestLine(1, "initialize", fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"test","version":"1"}}`, version)) + in
		}
		var out bytes.Buffer
		converse(t.Context(), testServer(started, release), strings.NewReader(in), &out)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		last := lines[len(lines)-1]
		var answers []struct {
			ID     int
			Result any
			Error  any
		}
		err := json.Unmarshal([]byte(last), &answers)
		switch {
		case !has && (err == nil || !strings.Contains(last, `"id":null,"error":{"code":-32600`)):
			t.Errorf("%q has no batches, and answered %s", version, last)
		case has && (err != nil || len(answers) != 3 || answers[0].ID != 2 || answers[0].Result == nil || answers[1].ID != 3 || answers[2].ID != 4 || answers[2].Error == nil):
			t.Errorf("%q has batches, and answered %s", version, last)
		}
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	var out bytes.Buffer
	in := requestLine(1, "tools/call", `{"name":"panic"}`) + requestLine(2, "ping", "{}")
	converse(t.Context(), testServer(nil, nil), strings.NewReader(in), &out)
	if got := ids(t, out.Bytes()); len(got) != 2 || !strings.Contains(out.String(), `"id":1,"error":{"code":-32603,"message":"internal error: a bug"}`) {
		t.Errorf("answered %s", out.Bytes())
	}
}

func cancelLine(id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`+"\n", id)
}

func TestCancelledCallsAreNotAnswered(t *testing.T) {
	started, release := make(chan bool, 3), make(chan struct{})
	in, host := io.Pipe()
	go func() {
		io.WriteString(host, waitLine(1)+waitLine(2)+waitLine(3))
		<-started                                         // 1 runs; 2 and 3 are queued
		io.WriteString(host, cancelLine(2)+cancelLine(1)) // so that 3 runs
		<-started
		close(release)
		host.Close()
	}()
	var out bytes.Buffer
	if !converse(t.Context(), testServer(started, release), in, &out) {
		t.Error("not everything was answered")
	}
	if got := ids(t, out.Bytes()); fmt.Sprint(got) != "[3]" {
		t.Errorf("answered %v, want 3 alone", got)
	}
	if len(started) > 0 {
		t.Error("a call that was cancelled while it was queued ran all the same")
	}
}

func TestCancellationOfNothingIsIgnored(t *testing.T) {
	in := cancelLine(9) + `{"jsonrpc":"2.0","method":"notifications/cancelled"}` + "\n" +
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}` + "\n" + requestLine(1, "ping", "{}")
	var out bytes.Buffer
	converse(t.Context(), testServer(nil, nil), strings.NewReader(in), &out)
	if got := ids(t, out.Bytes()); fmt.Sprint(got) != "[1]" {
		t.Errorf("answered %v", got)
	}
}

func TestInputThatIsHeldBackCanEnd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows tells the end of a pipe only to who has read what is in it")
	}
	in, host, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	lines, _ := waits(maxPending + 1)
	io.WriteString(host, lines)
	host.Close()
	done := make(chan bool)
	go func() { done <- converse(t.Context(), testServer(make(chan bool, maxPending), nil), in, io.Discard) }()
	select {
	case drained := <-done:
		if drained {
			t.Error("calls that never returned count as answered")
		}
	case <-time.After(patience):
		t.Fatal("the end of the input was not noticed")
	}
}

func TestHostsHearTheLogIfTheyWant(t *testing.T) {
	m := newServer(&claim{}, &store{})
	in, host := io.Pipe()
	output, out := io.Pipe()
	defer time.AfterFunc(patience, func() { out.Close() }).Stop()
	answers := bufio.NewScanner(output)
	go func() {
		converse(t.Context(), m, in, out)
		out.Close()
	}()
	hear := func(want string) {
		t.Helper()
		if !answers.Scan() || !strings.Contains(answers.Text(), want) {
			t.Errorf("heard %q, want %s", answers.Text(), want)
		}
	}
	logger := log.New(hostLog{m}, logPrefix, 0)
	io.WriteString(host, requestLine(1, "initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}`))
	hear(`"logging":{}`)
	logger.Print("not asked for")
	io.WriteString(host, requestLine(2, "logging/setLevel", `{"level":"info"}`))
	hear(`"id":2,"result"`)
	logger.Print("what happened")
	hear(`"method":"notifications/message"`)
	if !strings.Contains(answers.Text(), `"what happened"`) {
		t.Errorf("heard %s", answers.Text())
	}
	io.WriteString(host, requestLine(3, "logging/setLevel", `{"level":"loud"}`))
	hear(`"id":3,"error"`)
	host.Close()
}

func TestProtocolVersions(t *testing.T) {
	m := newServer(&claim{}, &store{})
	for asked, want := range map[string]string{
		"2024-11-05": "2024-11-05", "2025-03-26": "2025-03-26", "2025-06-18": "2025-06-18", "2025-11-25": "2025-11-25",
		"2024-10-07": "2025-11-25", "3000-01-01": "2025-11-25",
	} {
		var out bytes.Buffer
		converse(t.Context(), m, strings.NewReader(requestLine(1, "initialize",
			fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"test","version":"1"}}`, asked))), &out)
		if !strings.Contains(out.String(), fmt.Sprintf(`"protocolVersion":%q`, want)) {
			t.Errorf("asked for %s, want %s, answered %s", asked, want, out.Bytes())
		}
	}
	// The latest has no handshake.
	var out bytes.Buffer
	converse(t.Context(), m, strings.NewReader(requestLine(1, "server/discover",
		`{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}`)), &out)
	if !strings.Contains(out.String(), `"2026-07-28"`) || strings.Contains(out.String(), `"error"`) {
		t.Errorf("discover: %s", out.Bytes())
	}
}

// There is nothing to listen to, and the host is told so before its input ends.
func TestListeningIsAnsweredAtOnce(t *testing.T) {
	const meta = `{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}},"notifications":{"toolsListChanged":true}}`
	for range 100 {
		var out bytes.Buffer
		converse(t.Context(), newServer(&claim{}, &store{}), strings.NewReader(requestLine(7, "subscriptions/listen", meta)), &out)
		if !strings.Contains(out.String(), `"id":7,"result"`) {
			t.Fatalf("listen: %s", out.Bytes())
		}
	}
}
