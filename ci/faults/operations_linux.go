//go:build amd64 || arm64

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/memlatch/memlatch/ci/host"
)

// operation is something that one process does, whose system calls are
// treated one after the other.
type operation struct {
	name string
	part string // whose calls count, or "" for both
	// base has these memories already.
	base []string
	// run does it in s under w. The error is about what no treatment excuses,
	// such as hanging. What was acknowledged goes into l.
	run func(ctx context.Context, s scene, w *watch, l *ledger) error
}

var three = []string{"note alpha", "note bravo", "note charlie"}

var operations = []operation{
	{"first mem_add", homePart, nil, adds},
	{"mem_add", homePart, three, adds},
	{"mem_delete", homePart, three, deletes},
	{"start and stop", runtimePart, nil, startsAndStops},
	{"succession after an exit", runtimePart, three, func(ctx context.Context, s scene, w *watch, l *ledger) error {
		return succeeds(ctx, s, w, l, func(h *host.Session) { h.Close(ctx) })
	}},
	{"succession after a kill", runtimePart, three, func(ctx context.Context, s scene, w *watch, l *ledger) error {
		return succeeds(ctx, s, w, l, (*host.Session).Kill)
	}},
	{"import, done again", homePart, three, importsTwice},
	{"uninstall", "", three, uninstalls},
	{"uninstall, done again", "", three, uninstallsTwice},
}

// during has f use a server that runs under w from its start to its end.
func during(ctx context.Context, s scene, w *watch, f func(*host.Session) error) error {
	w.armed.Store(true)
	p, err := s.openWatched(ctx, w)
	if err != nil {
		return err
	}
	_, err = p.Initialize(ctx)
	if err == nil {
		err = f(p.Session)
	}
	return errors.Join(excused(w, err), p.end())
}

// excused is nil for an error that the treatment explains: the server is gone,
// or it said what failed.
func excused(w *watch, err error) error {
	var tool *host.ToolError
	if w.reached() && (errors.Is(err, host.ErrGone) || errors.As(err, &tool)) {
		return nil
	}
	return err
}

func adds(ctx context.Context, s scene, w *watch, l *ledger) error {
	return during(ctx, s, w, func(h *host.Session) error {
		return errors.Join(excused(w, add(ctx, h, l, "note delta")), add(ctx, h, l, "note echo"))
	})
}

func add(ctx context.Context, h *host.Session, l *ledger, text string) error {
	l.asks(text)
	err := h.Call(ctx, "mem_add", map[string]any{"text": text}, nil)
	if err == nil {
		l.added(text)
	}
	return err
}

func deletes(ctx context.Context, s scene, w *watch, l *ledger) error {
	return during(ctx, s, w, func(h *host.Session) error {
		l.asks(three[1])
		err := h.Call(ctx, "mem_delete", map[string]any{"id": 2}, nil)
		if err == nil {
			l.deleted(three[1])
		}
		return err
	})
}

func startsAndStops(ctx context.Context, s scene, w *watch, l *ledger) error {
	return during(ctx, s, w, func(*host.Session) error { return nil })
}

// succeeds has a standby become the recorded server once end has ended that.
func succeeds(ctx context.Context, s scene, w *watch, l *ledger, end func(*host.Session)) error {
	first, err := s.open(ctx)
	if err != nil {
		return err
	}
	standby, err := s.openWatched(ctx, w)
	if err != nil {
		first.Kill()
		return err
	}
	if _, err := standby.Initialize(ctx); err != nil {
		first.Kill()
		return errors.Join(err, standby.end())
	}
	w.armed.Store(true)
	end(first)
	recorded := make(chan error, 1)
	go func() { recorded <- s.awaitRecorded(standby.PID()) }()
	select {
	case err = <-recorded:
		err = errors.Join(err, excused(w, add(ctx, standby.Session, l, "note delta")))
	case <-w.done: // killed
		<-recorded
	}
	return errors.Join(err, standby.end())
}

// performs runs a command under w, and reports whether it did what it should.
func performs(ctx context.Context, s scene, w *watch, args ...string) (done bool, err error) {
	w.armed.Store(true)
	var said bytes.Buffer
	cmd := s.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := w.start(cmd, (*exec.Cmd).Start); err != nil {
		if cmd.Process != nil {
			cmd.Process.Kill()
			err = errors.Join(err, cmd.Wait())
		}
		return false, fmt.Errorf("%w: %s", err, said.String())
	}
	err = cmd.Wait()
	<-w.done
	if err == nil {
		return true, nil
	}
	killed := w.reached() && w.how.errno == 0
	if !killed && (!w.reached() || !strings.Contains(said.String(), "memlatch: error: ")) {
		return false, fmt.Errorf("%w: %s", err, said.String())
	}
	return false, crashed(said.String())
}

func uninstalls(ctx context.Context, s scene, w *watch, l *ledger) error {
	done, err := performs(ctx, s, w, "uninstall", "-y")
	l.allOrNone = true
	if done {
		l.kept = nil
	}
	return err
}

// importsTwice repeats the import of what is partly there: whatever became of
// the first, everything is there once.
func importsTwice(ctx context.Context, s scene, w *watch, l *ledger) error {
	file, lines := s.path("lines.jsonl"), ""
	for _, text := range []string{three[0], "note delta", "note echo"} {
		lines += fmt.Sprintf("{\"text\":%q}\n", text)
	}
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		return err
	}
	if _, err := performs(ctx, s, w, "import", file); err != nil {
		return err
	}
	if out, err := s.command(ctx, "import", file).CombinedOutput(); err != nil {
		return fmt.Errorf("the next import: %w: %s", err, out)
	}
	l.added("note delta")
	l.added("note echo")
	return nil
}

// uninstallsTwice repeats it at once, with no server in between.
func uninstallsTwice(ctx context.Context, s scene, w *watch, l *ledger) error {
	if err := uninstalls(ctx, s, w, l); err != nil {
		return err
	}
	l.kept = nil
	return removed(ctx, s)
}
