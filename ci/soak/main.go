// Soak has many servers add to one store at once, kills and stops them at
// random, tries to uninstall in the middle, and then looks for every memory
// that was acknowledged.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/ci/host"
)

const (
	servers  = 16
	writers  = 4 // of each server
	patience = 30 * time.Second
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns 1 when something was lost or failed, and 2 when it could not
// try.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	server := flags.String("server", "", "the memlatch to try (default: the one of this module)")
	length := flags.Duration("time", time.Minute, "how long")
	seed := flags.Uint64("seed", uint64(time.Now().UnixNano()), "of what happens to the servers")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		fmt.Fprintf(stderr, "soak: error: %v\n", err)
		return 2
	}
	defer os.RemoveAll(dir)
	if *server == "" {
		*server, err = host.Build(ctx, dir, "server")
	} else {
		*server, err = filepath.Abs(*server)
	}
	if err != nil {
		fmt.Fprintf(stderr, "soak: error: %v\n", err)
		return 2
	}
	fmt.Fprintf(stdout, "soak: -seed %d -time %v, %d servers with %d writers each\n", *seed, *length, servers, writers)
	s := &soak{dir: dir, server: *server, random: rand.New(rand.NewPCG(*seed, 0))}
	s.run(ctx, *length)
	if ctx.Err() != nil {
		return 130
	}
	s.count(ctx)
	fmt.Fprintf(stdout, "%d servers started, %d killed, %d stopped; %d memories acknowledged, %d there\n",
		s.started, s.killed, s.stopped, len(s.acknowledged), s.found)
	for _, f := range s.failures {
		fmt.Fprintf(stdout, "FAIL  %s\n", f)
	}
	fmt.Fprintf(stdout, "%d failures\n", len(s.failures))
	if len(s.failures) > 0 {
		return 1
	}
	return 0
}

// soak is one run.
type soak struct {
	dir, server string
	random      *rand.Rand

	mu                       sync.Mutex
	sessions                 [servers]*host.Session // nil between two
	doomed                   map[*host.Session]bool // those that this program ends
	asked                    map[string]bool
	acknowledged             []string
	failures                 []string
	started, killed, stopped int
	found                    int
}

func (s *soak) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.server, args...)
	cmd.Env = append(os.Environ(), "MEMLATCH_HOME="+filepath.Join(s.dir, "home"), "MEMLATCH_RUNTIME_DIR="+filepath.Join(s.dir, "run"))
	return cmd
}

// maxFailures bounds what is remembered: when all is broken, the first few say
// it.
const maxFailures = 20

func (s *soak) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) < maxFailures {
		s.failures = append(s.failures, fmt.Sprintf(format, args...))
	}
}

func (s *soak) run(ctx context.Context, length time.Duration) {
	s.doomed, s.asked = map[*host.Session]bool{}, map[string]bool{}
	working, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var wg sync.WaitGroup
	for slot := range servers {
		wg.Go(func() { s.occupy(ctx, working, slot) })
	}
	wg.Go(func() { s.disturb(ctx, working) })
	wg.Go(func() {
		select {
		case <-working.Done():
		case <-time.After(length / 2):
			s.refuse(ctx)
		}
	})
	wg.Wait()
}

// occupy keeps a server in slot, and its writers busy, until working ends.
func (s *soak) occupy(ctx, working context.Context, slot int) {
	for generation := 0; working.Err() == nil; generation++ {
		limited, cancel := context.WithTimeout(ctx, patience)
		session, err := s.open(limited)
		if err != nil {
			s.fail("start of a server: %v", err)
			cancel()
			return
		}
		s.mu.Lock()
		s.started++
		s.sessions[slot] = session
		s.mu.Unlock()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() { s.write(ctx, working, session, fmt.Sprintf("server %d-%d writer %d", slot, generation, w)) })
		}
		wg.Wait()
		s.mu.Lock()
		s.sessions[slot] = nil
		doomed := s.doomed[session]
		s.mu.Unlock()
		cancel()
		if err := s.close(ctx, session); err != nil && !doomed {
			s.fail("end of a server: %v", err)
		}
	}
}

func (s *soak) open(ctx context.Context) (*host.Session, error) {
	session, err := host.Start(s.command(context.WithoutCancel(ctx)))
	if err != nil {
		return nil, err
	}
	if _, err := session.Initialize(ctx); err != nil {
		session.Kill()
		return nil, err
	}
	return session, nil
}

func (s *soak) close(ctx context.Context, session *host.Session) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return session.Close(ctx)
}

// write adds one memory after the other until the session or working ends.
func (s *soak) write(ctx, working context.Context, session *host.Session, name string) {
	for n := 0; working.Err() == nil; n++ {
		text := fmt.Sprintf("%s memory %d", name, n)
		s.mu.Lock()
		s.asked[text] = true
		s.mu.Unlock()
		limited, cancel := context.WithTimeout(ctx, patience)
		err := session.Call(limited, "mem_add", map[string]any{"text": text}, nil)
		cancel()
		s.mu.Lock()
		doomed := s.doomed[session]
		if err == nil {
			s.acknowledged = append(s.acknowledged, text)
		}
		s.mu.Unlock()
		if err == nil {
			continue
		}
		// A server that ends may leave without an answer, or say that it gave
		// up; a lock is no reason for either.
		if !doomed || strings.Contains(err.Error(), "locked") {
			s.fail("%s: %v", text, err)
		}
		return
	}
}

// disturb ends one server after the other, half of them by a kill and half by
// the end of their input.
func (s *soak) disturb(ctx, working context.Context) {
	for {
		select {
		case <-working.Done():
			return
		case <-time.After(time.Duration(50+s.random.IntN(200)) * time.Millisecond):
		}
		slot, kill := s.random.IntN(servers), s.random.IntN(2) == 0
		s.mu.Lock()
		session := s.sessions[slot]
		if session == nil {
			s.mu.Unlock()
			continue
		}
		s.doomed[session] = true
		if kill {
			s.killed++
		} else {
			s.stopped++
		}
		s.mu.Unlock()
		if kill {
			session.Kill()
		} else if err := s.close(ctx, session); err != nil {
			s.fail("stop of a server: %v", err)
		}
	}
}

// refuse tries to uninstall what is in use.
func (s *soak) refuse(ctx context.Context) {
	out, err := s.command(ctx, "uninstall", "-y").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		s.fail("uninstall of a store in use: %v, want exit code 2: %s", err, out)
	}
}

// count compares what is there with what was acknowledged.
func (s *soak) count(ctx context.Context) {
	session, err := s.open(ctx)
	if err != nil {
		s.fail("start of the last server: %v", err)
		return
	}
	there := map[string]bool{}
	arguments := map[string]any{"limit": 200}
	for {
		var page struct {
			Memories   []struct{ Text string }
			NextCursor string `json:"next_cursor"`
		}
		if err := session.Call(ctx, "mem_list", arguments, &page); err != nil {
			s.fail("%v", err)
			break
		}
		for _, m := range page.Memories {
			if there[m.Text] || !s.asked[m.Text] {
				s.fail("%q is there twice or was never asked for", m.Text)
			}
			there[m.Text] = true
		}
		if page.NextCursor == "" {
			break
		}
		arguments["cursor"] = page.NextCursor
	}
	s.found = len(there)
	for _, text := range s.acknowledged {
		if !there[text] {
			s.fail("%q was acknowledged and is lost", text)
		}
	}
	if err := s.close(ctx, session); err != nil {
		s.fail("end of the last server: %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(s.dir, "run", "*")); len(files) > 0 {
		s.fail("%s remains", files[0])
	}
}
