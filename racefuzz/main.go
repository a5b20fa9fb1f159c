// Racefuzz finds races around pid files: it runs many servers at once against
// one, judges what they did, and shrinks, saves and replays what went wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// Exit codes.
const (
	exitClean           = 0
	exitRace            = 1
	exitUsage           = 2 // or something is wrong with the environment
	exitNotReproducible = 3
	exitInterrupted     = 130
)

func main() {
	if role := proc.Role(standIns()); role != nil {
		os.Exit(role())
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "commands" {
		return runCommands(args[1:], stdout, stderr)
	}
	opt, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return exitClean
	}
	var unread *fs.PathError
	switch {
	case errors.As(err, &unread):
		return fail(stderr, &problem{err, "name a file that racefuzz has saved, such as those in testdata/races"})
	case err != nil:
		return fail(stderr, &problem{err, "run 'racefuzz -help' for the flags"})
	}
	if opt.list {
		list(stdout)
		return exitClean
	}
	if err := opt.writable(); err != nil {
		return fail(stderr, err)
	}
	stops := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		stops = append(stops, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), stops...)
	defer stop()
	out := newOutput(opt, stdout, stderr)
	out.begin()
	code, err := tier(opt)(ctx, opt, out)
	if err != nil {
		return fail(stderr, err)
	}
	return code
}

// tier returns what does what the options say.
func tier(o options) func(context.Context, options, *output) (int, error) {
	switch {
	case o.bench:
		return bench
	case o.recording.Case.Target == "commands":
		return replayCommands
	case o.tier == tierProcess:
		return process
	default:
		return steps
	}
}

// problem is an error that comes with its remedy.
type problem struct {
	error
	hint string
}

func (p *problem) Unwrap() error { return p.error }

func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "racefuzz: error: %v\n", err)
	var p *problem
	if errors.Is(err, trace.ErrForbidden) {
		return exitNotReproducible
	}
	if errors.As(err, &p) {
		fmt.Fprintf(stderr, "racefuzz: hint: %s\n", p.hint)
	}
	return exitUsage
}
