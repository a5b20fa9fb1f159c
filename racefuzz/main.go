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
	"runtime/debug"
	"syscall"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
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

// enough is how much memory there may be, in bytes, before what is not needed any
// more is collected at once, and not only once it is as much as what is.
const enough = 300 << 20

func main() {
	if role := proc.Role(standIns()); role != nil {
		os.Exit(role())
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(enough)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, p.help)
		return exitClean
	}
	if err != nil {
		return fail(stderr, hinted(err, p.mode))
	}
	stops := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		stops = append(stops, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), stops...)
	defer stop()
	code, err := p.job.run(ctx, newOutput(p.job.shared(), p.line(), stdout, stderr))
	if err != nil {
		return fail(stderr, err)
	}
	return code
}

// hinted adds to an error of the command line where the right one is explained.
func hinted(err error, m mode) error {
	var known *problem
	var unread *fs.PathError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &unread):
		return &problem{err, "name a file that racefuzz has saved, such as those in testdata/races"}
	case m.name == "":
		return &problem{err, "run 'racefuzz help' for the modes and their flags"}
	}
	return &problem{err, fmt.Sprintf("run 'racefuzz help %s' for its flags", m.name)}
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
	if errors.As(err, &p) {
		fmt.Fprintf(stderr, "racefuzz: hint: %s\n", p.hint)
	}
	var differs *commands.Unrepeatable
	if errors.Is(err, trace.ErrForbidden) || errors.As(err, &differs) {
		return exitNotReproducible
	}
	return exitUsage
}
