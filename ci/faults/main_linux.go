//go:build amd64 || arm64

// Faults runs memlatch and, at each system call that it makes on its store or
// on its pid file, kills it there or has the call fail. Afterwards everything
// must still work, and nothing that was acknowledged may be lost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/memlatch/memlatch/ci/host"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == underFilter {
		exitWith(becomeFiltered(os.Args[2:]))
	}
	if len(os.Args) == 3 && os.Args[1] == quickCheck {
		exitWith(sound(os.Args[2]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func exitWith(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "faults: error: %v\n", err)
		os.Exit(2)
	}
	os.Exit(0)
}

// run returns 1 when a trial failed, and 2 when it could not try.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(stderr)
	server := flags.String("server", "", "the memlatch to try (default: the one of this module)")
	only := flags.String("op", "", "only operations whose name contains this")
	at := flags.Int("at", -1, "only this call, counted from 0")
	with := flags.String("with", "", "only this treatment: kill, EIO, ENOSPC or EACCES")
	every := flags.Int("every", 1, "only one of so many trials, to save time")
	workers := flags.Int("j", runtime.NumCPU(), "how many trials at once")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || *workers < 1 || *every < 1 {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		fmt.Fprintf(stderr, "faults: error: %v\n", err)
		return 2
	}
	defer os.RemoveAll(dir)
	if *server == "" {
		*server, err = host.Build(ctx, dir, "server")
	} else {
		*server, err = filepath.Abs(*server)
	}
	if err != nil {
		fmt.Fprintf(stderr, "faults: error: %v\n", err)
		return 2
	}
	c := &campaign{dir: dir, server: *server, at: *at, with: *with, every: *every, workers: *workers}
	fmt.Fprintf(stdout, row, "survived of tried", "calls", "kill", "EIO", "ENOSPC", "EACCES")
	tried, failed := 0, 0
	for _, o := range operations {
		if !strings.Contains(o.name, *only) {
			continue
		}
		r, err := c.try(ctx, o)
		if err != nil {
			fmt.Fprintf(stderr, "faults: error: %v\n", err)
			return 2
		}
		r.print(stdout)
		failed += len(r.failures)
		for _, n := range r.tried {
			tried += n
		}
	}
	fmt.Fprintf(stdout, "%d tried, %d survived\n", tried, tried-failed)
	if failed > 0 {
		return 1
	}
	return 0
}

// campaign tries every treatment at every call.
type campaign struct {
	dir, server string
	at          int
	with        string
	every       int
	workers     int

	mu   sync.Mutex
	next int // number of the next scene
}

// result is one operation's row of the table.
type result struct {
	operation string
	calls     int
	tried     map[string]int // by treatment
	survived  map[string]int
	failures  []string
}

// scene makes a new one.
func (c *campaign) scene() (scene, error) {
	c.mu.Lock()
	c.next++
	s := scene{dir: filepath.Join(c.dir, fmt.Sprint("scene-", c.next)), server: c.server}
	c.mu.Unlock()
	return s, os.Mkdir(s.dir, 0o700)
}

// try records the calls of o, and then treats each of them.
func (c *campaign) try(ctx context.Context, o operation) (*result, error) {
	base, err := c.scene()
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, base, o.base); err != nil {
		return nil, fmt.Errorf("%s: preparing: %w", o.name, err)
	}
	record, err := c.trial(ctx, o, base, -1, treatment{})
	if err != nil {
		return nil, fmt.Errorf("%s, untreated: %w", o.name, err)
	}
	r := &result{operation: o.name, calls: len(record.seen), tried: map[string]int{}, survived: map[string]int{}}
	type job struct {
		at  int
		how treatment
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	for range c.workers {
		wg.Go(func() {
			for j := range jobs {
				w, err := c.trial(ctx, o, base, j.at, j.how)
				c.mu.Lock()
				r.note(w, err)
				c.mu.Unlock()
			}
		})
	}
	n := 0
	for at, call := range record.seen {
		name, _, _ := strings.Cut(call, " ")
		for _, how := range treatments {
			if c.at >= 0 && c.at != at || c.with != "" && c.with != how.name || !how.applies(name) || ctx.Err() != nil {
				continue
			}
			if n%c.every == 0 {
				jobs <- job{at, how}
			}
			n++
		}
	}
	close(jobs)
	wg.Wait()
	return r, ctx.Err()
}

// note counts a trial. A call that did not come this time was not tried.
func (r *result) note(w *watch, err error) {
	if err == nil && !w.reached() {
		return
	}
	r.tried[w.how.name]++
	if err == nil {
		r.survived[w.how.name]++
		return
	}
	call := "a call that never came"
	if w.reached() {
		call = w.seen[w.at]
	}
	r.failures = append(r.failures, fmt.Sprintf("%s: %s at call %d, %s: %v", r.operation, w.how.name, w.at, call,
		strings.ReplaceAll(err.Error(), "\n", "; ")))
}

// trial does o in a copy of base with one call treated.
func (c *campaign) trial(ctx context.Context, o operation, base scene, at int, how treatment) (*watch, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	s, err := c.scene()
	w := &watch{scene: s, part: o.part, at: at, how: how}
	if err != nil {
		return w, err
	}
	defer os.RemoveAll(s.dir)
	if err := os.CopyFS(s.dir, os.DirFS(base.dir)); err != nil {
		return w, err
	}
	if err := s.protect(); err != nil {
		return w, err
	}
	l := &ledger{kept: append([]string{}, o.base...)}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := o.run(limited, s, w, l); err != nil {
		return w, err
	}
	return w, aftermath(ctx, s, l)
}

// prepare puts texts into s.
func prepare(ctx context.Context, s scene, texts []string) error {
	session, err := s.open(ctx)
	if err != nil {
		return err
	}
	for _, text := range texts {
		err = errors.Join(err, session.Call(ctx, "mem_add", map[string]any{"text": text}, nil))
	}
	return errors.Join(err, session.Close(ctx))
}

// row is how both the header and the results are printed.
const row = "%-25s %5v %12v %12v %12v %12v\n"

func (r result) print(w io.Writer) {
	cells := []any{r.operation, r.calls}
	for _, t := range treatments {
		cells = append(cells, fmt.Sprintf("%d of %d", r.survived[t.name], r.tried[t.name]))
	}
	fmt.Fprintf(w, row, cells...)
	for _, f := range r.failures {
		fmt.Fprintf(w, "FAIL  %s\n", f)
	}
}
