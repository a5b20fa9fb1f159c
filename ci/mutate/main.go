// Mutate examines what examines the lock: it makes one change at a time of the
// lock, and of the server's claim, seize and uninstall, and runs the tests, the
// model and the kernel tier on each, until one of them notices. The work tree is
// never touched: the go command is told of the change by an overlay.
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
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const usage = `Usage: go run ./ci/mutate [flags]

    -list           only name the changes, with what each is
    -run REGEXP     only those whose names match
    -time D         as many as there is time for, such as 3m, in an order of their
                    own, and none that are known to be equivalent (default: all)
    -seed S         draw the same order again
    -j N            so many at once (default: one a processor)

Exit codes: 0 every change was noticed, or is listed as equivalent, 1 one was not,
2 wrong usage or environment, 130 interrupted.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	list    bool
	names   *regexp.Regexp
	time    time.Duration
	seed    uint64
	workers int
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	flags.BoolVar(&o.list, "list", false, "")
	names := flags.String("run", "", "")
	flags.DurationVar(&o.time, "time", 0, "")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64N(1e9), "")
	flags.IntVar(&o.workers, "j", runtime.NumCPU(), "")
	err := flags.Parse(args)
	if err == nil && (flags.NArg() > 0 || o.workers < 1 || o.time < 0) {
		flags.Usage()
		err = errors.New("wrong usage")
	}
	if err == nil {
		o.names, err = regexp.Compile(*names)
	}
	return o, err
}

func run(args []string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "mutate: error: %v\n", err)
		return 2
	}
	o, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return fail(err)
	}
	root, err := module()
	if err != nil {
		return fail(err)
	}
	all, err := everything(root, system())
	if err != nil {
		return fail(err)
	}
	all = slices.DeleteFunc(all, func(m mutation) bool { return !o.names.MatchString(m.name) })
	if o.list {
		for _, m := range all {
			fmt.Fprintf(stdout, "%-52s %s: %s\n", m.name, m.position(), m.change())
		}
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &score{out: stdout, of: len(all)}
	err = examine(ctx, o, root, all, s)
	switch {
	case ctx.Err() != nil:
		s.print()
		return 130
	case err != nil:
		return fail(err)
	}
	s.print()
	if len(s.survived) > 0 {
		return 1
	}
	return 0
}

// module returns the directory of the module.
func module() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("not in the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// system is the one that the go command builds for.
func system() string {
	if name := os.Getenv("GOOS"); name != "" {
		return name
	}
	return runtime.GOOS
}

// everything returns the changes of all suites.
func everything(root, system string) ([]mutation, error) {
	var all []mutation
	for _, suite := range suites {
		some, err := mutations(root, system, suite)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// examine tries the changes, until the time is over if that is limited.
func examine(ctx context.Context, o options, root string, all []mutation, s *score) error {
	known, err := equivalents()
	if err != nil {
		return err
	}
	s.known = known
	parent, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(parent)
	if o.time > 0 {
		fmt.Fprintf(s.out, "mutate -time %v -seed %d\n", o.time, o.seed)
		all = slices.DeleteFunc(all, func(m mutation) bool { return known[m.name] != "" })
		rng := rand.New(rand.NewPCG(o.seed, 0))
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		limited, cancel := context.WithTimeout(ctx, o.time)
		defer cancel()
		ctx = limited
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w, err := newWorkshop(ctx, root, parent, all)
	if err != nil {
		return err
	}
	queue := make(chan *mutation)
	var workers sync.WaitGroup
	for range o.workers {
		workers.Go(func() {
			for m := range queue {
				if ctx.Err() != nil {
					continue // the time is over
				}
				o, err := try(ctx, w, m)
				if ctx.Err() != nil {
					continue
				}
				if err != nil {
					cancel(fmt.Errorf("%s: %w", m.name, err))
					continue
				}
				s.add(*m, o)
			}
		})
	}
	for i := range all {
		queue <- &all[i]
	}
	close(queue)
	workers.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// outcome is what became of a change.
type outcome struct {
	compiles bool
	by       string // the check that noticed it, or nothing
	said     string
	took     time.Duration // all checks together, without building what they run
}

// try makes one change and runs one check after the other until one notices.
func try(ctx context.Context, w *workshop, m *mutation) (o outcome, err error) {
	b, err := w.bench(m)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, b.remove()) }()
	o.compiles = true
	for _, c := range m.suite.checks {
		if err := c.ready(ctx, w); err != nil {
			return o, err
		}
		if _, err := b.program(ctx, c.program); errors.Is(err, errNotCompiled) {
			return outcome{}, nil
		} else if err != nil {
			return o, err
		}
		start := time.Now()
		o.said, err = b.judge(ctx, c)
		o.took += time.Since(start)
		if err != nil || o.said != "" {
			o.by = c.name
			return o, err
		}
	}
	return o, nil
}
