//go:build amd64 || arm64

package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/ci/host"
	_ "modernc.org/sqlite"
)

// scene is a home and a runtime directory of its own, and the program that is
// tried in them.
type scene struct {
	dir, server string
}

// The parts of a scene, below its directory.
const (
	homePart    = "home"
	runtimePart = "run"
)

const (
	patience   = 10 * time.Second // for anything at all
	shutdown   = 2 * time.Second  // for a server without a host
	succession = 2 * time.Second  // until a standby is recorded
)

func (s scene) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.server, args...)
	cmd.Env = append(os.Environ(), "MEMLATCH_HOME="+s.path(homePart), "MEMLATCH_RUNTIME_DIR="+s.path(runtimePart))
	return cmd
}

func (s scene) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// open starts a server and shakes hands.
func (s scene) open(ctx context.Context) (*host.Session, error) {
	session, err := host.Start(s.command(ctx))
	if err != nil {
		return nil, err
	}
	if _, err := session.Initialize(ctx); err != nil {
		session.Kill()
		return nil, err
	}
	return session, nil
}

// watched is a process under a watch.
type watched struct {
	*host.Session // nil for a command
	watch         *watch
	stderr        *bytes.Buffer
}

// start starts cmd under w.
func (w *watch) start(cmd *exec.Cmd, begin func(*exec.Cmd) error) error {
	listener, err := filtered(cmd)
	if err != nil {
		return err
	}
	if err := begin(cmd); err != nil {
		return err
	}
	descriptor, err := listener()
	if err != nil {
		return err
	}
	w.done = make(chan struct{})
	go w.follow(descriptor, cmd.Process.Pid)
	return nil
}

// openWatched starts a server under w. The handshake is the caller's.
func (s scene) openWatched(ctx context.Context, w *watch) (*watched, error) {
	p := &watched{watch: w, stderr: new(bytes.Buffer)}
	cmd := s.command(ctx)
	cmd.Stderr = p.stderr
	err := w.start(cmd, func(cmd *exec.Cmd) (err error) {
		p.Session, err = host.Start(cmd)
		return err
	})
	if err != nil && p.Session != nil {
		p.Kill()
		err = fmt.Errorf("%w: %s", err, p.stderr)
	}
	return p, err
}

// end closes the session and waits for the watch. The error is about a server
// that hung or fell over, not about how it exited.
func (p *watched) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdown)
	defer cancel()
	err := p.Close(ctx)
	<-p.watch.done
	if !errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return errors.Join(err, crashed(p.stderr.String()))
}

func crashed(stderr string) error {
	for _, sign := range []string{"panic:", "fatal error:", "SIGSEGV"} {
		if strings.Contains(stderr, sign) {
			return fmt.Errorf("it crashed: %s", stderr)
		}
	}
	return nil
}

// uninstall runs the command and returns its exit code with what it said.
func (s scene) uninstall(ctx context.Context) (int, string, error) {
	out, err := s.command(ctx, "uninstall", "-y").CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(out), nil
	}
	return 0, string(out), err
}

// recorded returns the pid in the scene's pid file, 0 when there is none.
func (s scene) recorded() int {
	names, _ := filepath.Glob(s.path(runtimePart, "*.pid"))
	if len(names) != 1 {
		return 0
	}
	content, _ := os.ReadFile(names[0])
	pid, _ := strconv.Atoi(strings.TrimSuffix(string(content), "\n"))
	return pid
}

// awaitRecorded waits until the pid file names pid.
func (s scene) awaitRecorded(pid int) error {
	for end := time.Now().Add(succession); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s.recorded() == pid {
			return nil
		}
	}
	return fmt.Errorf("the pid file names %d after %v, and not %d", s.recorded(), succession, pid)
}

// nothingIn is an error when anything is in a part of the scene.
func (s scene) nothingIn(part string) error {
	entries, err := os.ReadDir(s.path(part))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s remains in %s", entries[0].Name(), part)
	}
	return err
}

// quickCheck is the first argument by which this program, started again, asks
// SQLite about the database that its other argument names. It does so in a
// process of its own because whatever this one has open its children have for
// an instant, and an uninstall sees them.
const quickCheck = "quick-check"

func (s scene) quickCheck(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, self, quickCheck, s.path(homePart, "store", "memories.db")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("quick_check: %w: %s", err, out)
	}
	return nil
}

// sound returns what SQLite has to say against a database that nobody has open.
func sound(path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=rw")
	if err != nil {
		return err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA quick_check").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	return nil
}

// protect gives the directories of a copy back the rights that copying lost.
func (s scene) protect() error {
	return filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
}
