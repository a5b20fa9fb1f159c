package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/memlatch/memlatch/ci/host"
	"github.com/memlatch/memlatch/ci/npm"
)

// contestants are the programs that are compared.
type contestants struct {
	dir             string // for their data
	memlatch, empty *contestant
	reference       *contestant // nil where there is no npm
	earlier         *contestant // nil unless asked for; in no other part than its own
}

// all returns those that are there.
func (c contestants) all() []*contestant {
	return slices.DeleteFunc([]*contestant{c.memlatch, c.empty, c.reference}, func(c *contestant) bool { return c == nil })
}

// home returns a new directory for data.
func (c contestants) home() (string, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(c.dir, "")
}

type contestant struct {
	name    string
	command func(ctx context.Context, home string) *exec.Cmd
}

// open starts c and shakes hands. It returns the time from the start to the
// answer.
func (c *contestant) open(ctx context.Context, home string) (*host.Session, time.Duration, error) {
	cmd := c.command(ctx, home)
	began := time.Now()
	s, err := host.Start(cmd)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", c.name, err)
	}
	if _, err := s.Initialize(ctx); err != nil {
		s.Kill()
		return nil, 0, fmt.Errorf("%s: %w", c.name, err)
	}
	return s, time.Since(began), nil
}

func alone(path string) func(context.Context, string) *exec.Cmd {
	return func(ctx context.Context, _ string) *exec.Cmd { return exec.CommandContext(ctx, path) }
}

func memlatchIn(path string) func(context.Context, string) *exec.Cmd {
	return func(ctx context.Context, home string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, path)
		cmd.Env = append(os.Environ(), "MEMLATCH_HOME="+filepath.Join(home, "memories"), "MEMLATCH_RUNTIME_DIR="+filepath.Join(home, "run"))
		return cmd
	}
}

func referenceIn(tree npm.Tree) func(context.Context, string) *exec.Cmd {
	return func(ctx context.Context, home string) *exec.Cmd {
		cmd := tree.Command(ctx, "@modelcontextprotocol/server-memory/dist/index.js")
		cmd.Env = append(cmd.Env, "MEMORY_FILE_PATH="+filepath.Join(home, referenceFile))
		return cmd
	}
}

const referenceFile = "memory.jsonl"
