// Conformance tries memlatch with clients that others wrote: the conformance
// suite of the protocol, the TypeScript SDK and the inspector. They come from
// npm, pinned, into a folder that is gone afterwards.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/ci/host"
	"github.com/memlatch/memlatch/ci/npm"
)

// The packages, pinned.
const (
	suitePackage     = "@modelcontextprotocol/conformance@0.1.16"
	sdkPackage       = "@modelcontextprotocol/sdk@1.32.2"
	inspectorPackage = "@modelcontextprotocol/inspector@2.12.0"
)

// Exit codes.
const (
	exitPassed  = 0
	exitFailed  = 1
	exitUsage   = 2 // or an environment in which nothing could be tried
	exitSkipped = 77
)

const timeLimit = 5 * time.Minute

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(stderr)
	server := flags.String("server", "", "the memlatch to try (default: the one of this module)")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		fmt.Fprintf(stderr, "conformance: error: %v\n", err)
		return exitUsage
	}
	defer os.RemoveAll(dir)
	r := &report{out: stdout}
	switch err := try(ctx, r, dir, *server); {
	case errors.Is(err, npm.ErrMissing):
		fmt.Fprintf(stdout, "skipped: %v\n", err)
		return exitSkipped
	case err != nil:
		fmt.Fprintf(stderr, "conformance: error: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stdout, "%d passed, %d failed\n", r.passed, r.failed)
	if r.failed > 0 {
		return exitFailed
	}
	return exitPassed
}

// try runs everything. An error means that something could not be tried.
func try(ctx context.Context, r *report, dir, server string) (err error) {
	tree, err := npm.Install(ctx, dir, suitePackage, sdkPackage, inspectorPackage)
	if err != nil {
		return err
	}
	if server == "" {
		server, err = host.Build(ctx, dir, "server")
	} else {
		server, err = filepath.Abs(server)
	}
	if err != nil {
		return err
	}
	offer, err := discover(ctx, newHome(dir, "discover"), server)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out, offer)
	if err := trySuite(ctx, r, tree, newHome(dir, "suite"), server, offer); err != nil {
		return err
	}
	if err := trySDK(ctx, r, tree, newHome(dir, "sdk"), server, offer); err != nil {
		return err
	}
	tryInspector(ctx, r, tree, newHome(dir, "inspector"), server, offer)
	return nil
}

// report prints each result as it comes and counts them.
type report struct {
	out            io.Writer
	passed, failed int
}

func (r *report) add(part, name string, err error) {
	if err == nil {
		r.passed++
		fmt.Fprintf(r.out, "ok    %s: %s\n", part, name)
		return
	}
	r.failed++
	fmt.Fprintf(r.out, "FAIL  %s: %s: %v\n", part, name, err)
}

// home is the place of one part's memories.
type home string

func newHome(dir, name string) home { return home(filepath.Join(dir, "homes", name)) }

// environment is what a server needs to stay in its home.
func (h home) environment() []string {
	return []string{
		"MEMLATCH_HOME=" + filepath.Join(string(h), "memories"),
		"MEMLATCH_RUNTIME_DIR=" + filepath.Join(string(h), "run"),
	}
}

// left is an error when a pid file remains.
func (h home) left() error {
	files, err := filepath.Glob(filepath.Join(string(h), "run", "*"))
	if err == nil && len(files) > 0 {
		err = fmt.Errorf("%s remains", filepath.Base(files[0]))
	}
	return err
}

func (h home) server(ctx context.Context, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = append(os.Environ(), h.environment()...)
	return cmd
}
