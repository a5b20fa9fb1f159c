// These tests prove that memlatch bears hosts that misbehave: it neither
// crashes nor hangs nor grows, and it does not outlive them.
package host_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/ci/host"
)

const (
	deadline    = time.Minute     // for an answer, on a busy machine
	lifetime    = 2 * time.Second // of a server whose host is gone
	mostMemory  = 100 << 20       // bytes
	initialize  = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"rude","version":"1"}}}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
)

var memlatch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "host-test-")
	if err == nil {
		memlatch, err = host.Build(context.Background(), dir, "server")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// rude is a host that does as it likes with the pipes.
type rude struct {
	*testing.T
	cmd    *exec.Cmd
	in     *os.File // the server's input
	out    *os.File // its output
	lines  *bufio.Reader
	stderr bytes.Buffer
	run    string // its runtime directory
	ended  chan struct{}
}

// command is a memlatch with homes of its own.
func command(t *testing.T) (cmd *exec.Cmd, run string) {
	dir := t.TempDir()
	run = filepath.Join(dir, "run")
	cmd = exec.Command(memlatch)
	cmd.Env = append(os.Environ(), "MEMLATCH_HOME="+filepath.Join(dir, "home"), "MEMLATCH_RUNTIME_DIR="+run)
	return cmd, run
}

// start starts a memlatch that reads from a pipe.
func start(t *testing.T) *rude {
	theirs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, theirs)
	h.in = in
	t.Cleanup(func() { in.Close() })
	return h
}

// startWith starts one that reads from in, and closes that.
func startWith(t *testing.T, in *os.File) *rude {
	cmd, run := command(t)
	h := &rude{T: t, cmd: cmd, run: run, ended: make(chan struct{})}
	out, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out, h.lines = out, bufio.NewReader(out)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, theirs, &h.stderr
	err = cmd.Start()
	in.Close()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(h.ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-h.ended
		out.Close()
	})
	return h
}

func (h *rude) send(lines ...string) {
	h.Helper()
	if _, err := io.WriteString(h.in, strings.Join(lines, "\n")+"\n"); err != nil {
		h.Fatalf("the server does not read: %v", err)
	}
}

// answer returns the next line that has all of parts.
func (h *rude) answer(parts ...string) string {
	h.Helper()
	h.out.SetReadDeadline(time.Now().Add(deadline))
next:
	for {
		line, err := h.lines.ReadString('\n')
		if err != nil {
			h.Fatalf("no answer with %q: %v", parts, err)
		}
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		return line
	}
}

func (h *rude) checkMemory() {
	h.Helper()
	_, peak, err := host.Memory(h.cmd.Process.Pid)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if err != nil {
		h.Fatal(err)
	}
	if peak > mostMemory {
		h.Errorf("it took %d MB, and %d are the most", peak>>20, mostMemory>>20)
	}
}

// gone waits for the server's end.
func (h *rude) gone() {
	h.Helper()
	select {
	case <-h.ended:
	case <-time.After(lifetime):
		h.Fatalf("the server is still there after %v", lifetime)
	}
	if said := h.stderr.String(); strings.Contains(said, "panic") || strings.Contains(said, "fatal error") {
		h.Errorf("it crashed: %s", said)
	}
	if files, _ := filepath.Glob(filepath.Join(h.run, "*")); len(files) > 0 {
		h.Errorf("%s remains", files[0])
	}
}

func TestHalfALineAndTheEnd(t *testing.T) {
	h := start(t)
	h.send(initialize)
	h.answer(`"id":1`)
	io.WriteString(h.in, `{"jsonrpc":"2.0","id":2,"meth`)
	h.in.Close()
	h.gone()
}

func TestALastLineWithoutNewlineCounts(t *testing.T) {
	h := start(t)
	h.send(initialize)
	io.WriteString(h.in, `{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	h.in.Close()
	h.answer(`"id":2`, `"result"`)
	h.gone()
}

func TestTenMegabytesOfNonsense(t *testing.T) {
	const size = 10 << 20
	for name, nonsense := range map[string]string{
		"one line":   strings.Repeat("nonsense", size/8),
		"many lines": strings.Repeat("nonsense nonsense nonsense nonse\n", size/33),
		"one object": `{"jsonrpc":"2.0","id":2,"method":"ping","params":{"x":"` + strings.Repeat("x", size) + `"}}`,
		"deep":       strings.Repeat("[", size),
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.send(initialize)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				io.WriteString(h.in, nonsense+"\n"+`{"jsonrpc":"2.0","id":"after","method":"ping"}`+"\n")
			}()
			h.answer(`"id":"after"`, `"result"`)
			<-sent
			h.checkMemory()
			h.in.Close()
			h.gone()
		})
	}
}

func TestNobodyReadsTheAnswers(t *testing.T) {
	const requests = 100_000
	for name, request := range map[string]string{
		"ping":       `{"jsonrpc":"2.0","id":%d,"method":"ping"}`,
		"tools/list": `{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`,
		"mem_add":    `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"mem_add","arguments":{"text":"rude"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.send(initialize, initialized)
			for n := range requests {
				h.in.SetWriteDeadline(time.Now().Add(time.Second))
				if _, err := fmt.Fprintf(h.in, request+"\n", n); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Logf("the server stopped reading after %d requests", n)
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			h.checkMemory()
			h.in.Close()
			h.out.Close()
			h.gone()
		})
	}
}

func TestClosedOutput(t *testing.T) {
	h := start(t)
	h.send(initialize)
	h.answer(`"id":1`)
	h.out.Close()
	for n := range 100 {
		if _, err := fmt.Fprintf(h.in, `{"jsonrpc":"2.0","id":%d,"method":"ping"}`+"\n", n); err != nil {
			break // the server has left
		}
	}
	h.in.Close()
	h.gone()
}

func TestOutputClosedFromTheStart(t *testing.T) {
	h := start(t)
	h.out.Close()
	h.send(initialize)
	h.in.Close()
	h.gone()
}

// A file that grows ends more than once.
func TestRequestAfterTheEndOfInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(path, []byte(initialize+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, in)
	h.answer(`"id":1`)
	late, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	io.WriteString(late, `{"jsonrpc":"2.0","id":2,"method":"ping"}`+"\n")
	h.gone()
}

func TestTwoInitializes(t *testing.T) {
	h := start(t)
	h.send(initialize, strings.Replace(initialize, `"id":1`, `"id":2`, 1), initialized, `{"jsonrpc":"2.0","id":3,"method":"tools/list"}`)
	h.answer(`"id":3`, `mem_add`)
	h.in.Close()
	h.gone()
}

func TestUnknownMethodsAndShapes(t *testing.T) {
	h := start(t)
	h.send(initialize,
		`{"jsonrpc":"2.0","id":2,"method":"no/such"}`,
		`{"jsonrpc":"2.0","id":3,"method":"tools/call"}`,
		`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":[]}`,
		`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"mem_add","arguments":"text"}}`,
		`{"jsonrpc":"1.0","id":6,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":{},"method":"ping"}`,
		`[]`, `null`, `0`, `""`, `{}`, ``, `   `,
		`{"jsonrpc":"2.0","id":7,"result":{}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12345}}`,
		`{"jsonrpc":"2.0","id":"after","method":"ping"}`)
	h.answer(`"id":"after"`, `"result"`)
	h.in.Close()
	h.gone()
}
