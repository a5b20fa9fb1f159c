// Bench compares memlatch with a server that does nothing, and with the
// reference memory server, in one run on one machine: ratios hold elsewhere,
// absolute figures do not.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/ci/host"
	"github.com/memlatch/memlatch/ci/npm"
)

const (
	referencePackage = "@modelcontextprotocol/server-memory@2026.8.31"
	timeLimit        = 20 * time.Minute
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns 1 when a bar is missed, and 2 when it could not measure.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print the figures as JSON")
	against := flags.String("against", "", "an earlier memlatch to compare with, and with nothing else")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		return 2
	}
	defer os.RemoveAll(dir)

	t := table{System: fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())}
	if err := measure(ctx, &t, dir, *against, stderr); err != nil {
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		return 2
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		e.Encode(t)
	} else {
		t.print(stdout)
	}
	if t.missed() > 0 {
		return 1
	}
	return 0
}

// measure fills t, saying on status what it is at.
func measure(ctx context.Context, t *table, dir, against string, status io.Writer) error {
	if against != "" {
		return compareWith(ctx, t, dir, against)
	}
	c, err := assemble(ctx, dir)
	if err != nil {
		return err
	}
	if c.reference == nil {
		t.Skipped = "against " + referencePackage + ": " + npm.ErrMissing.Error()
	}
	for _, part := range []struct {
		name string
		run  func(context.Context, *table, contestants) error
	}{
		{"start and memory", start},
		{"eight hosts at once", together},
		{"add and search", sizes},
		{"lost updates", lost},
		{"pid file", pidFile},
	} {
		fmt.Fprintf(status, "bench: %s\n", part.name)
		if err := part.run(ctx, t, c); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// compareWith fills t with what an earlier memlatch takes.
func compareWith(ctx context.Context, t *table, dir, program string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	path, err := host.Build(ctx, dir, "server")
	if err != nil {
		return err
	}
	return earlier(ctx, t, contestants{
		dir:      filepath.Join(dir, "data"),
		memlatch: &contestant{name: "memlatch", command: memlatchIn(path)},
		earlier:  &contestant{name: "earlier memlatch", command: memlatchIn(program)},
	})
}

// assemble builds and installs all that is compared.
func assemble(ctx context.Context, dir string) (c contestants, err error) {
	c.dir = filepath.Join(dir, "data")
	path, err := host.Build(ctx, dir, "server")
	if err != nil {
		return c, err
	}
	c.memlatch = &contestant{name: "memlatch", command: memlatchIn(path)}
	if path, err = host.Build(ctx, dir, "ci/bench/empty"); err != nil {
		return c, err
	}
	c.empty = &contestant{name: "empty mcp-go server", command: alone(path)}
	tree, err := npm.Install(ctx, dir, referencePackage)
	if errors.Is(err, npm.ErrMissing) {
		return c, nil
	}
	c.reference = &contestant{name: "reference server", command: referenceIn(tree)}
	return c, err
}
