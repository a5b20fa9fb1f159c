package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// suite is a package that is changed, and the checks that should notice, those
// that take least first.
type suite struct {
	pkg    string
	files  []string // those that are changed
	checks []*check
}

// check runs a program that was built with the change.
type check struct {
	name    string
	program program
	args    []string
	timed   bool // goes by the clock, so that it can fail on a busy machine

	once  sync.Once // of running it without any change
	err   error
	limit atomic.Int64 // the duration after which a changed program hangs
}

// program is what is built: a package, or its tests.
type program struct {
	pkg   string
	tests bool
}

// file is what the built program is called.
func (p program) file() string {
	if p.tests {
		return p.pkg + ".test.exe"
	}
	return p.pkg + ".exe"
}

var (
	serverTests = program{"server", true}
	racefuzz    = program{"racefuzz", false}
)

// slow are the tests of lock that take seconds; all others together take one.
const slow = "NoNumberOfProbes|ListThatChanges|StartingProcesses|OneOfMany"

// suites are independent of each other: the model and the kernel tier know no
// barrier, and what the server does with its pid file is not what uninstall does.
var suites = []*suite{
	{pkg: "lock", files: []string{"barrier.go", "barrier_unix.go", "barrier_windows.go"}, checks: lockTests[:1]},
	{pkg: "lock", files: []string{"lock.go", "probe.go", "system.go"}, checks: []*check{
		lockTests[0],
		{name: "model, posix, first 20000", program: racefuzz, args: model("posix", "-n", "20000")},
		{name: "model, windows, first 20000", program: racefuzz, args: model("windows", "-n", "20000")},
		lockTests[1],
		{name: "kernel, first 20000", program: racefuzz, args: []string{"-tier", "kernel", "-n", "20000", "-workers", "1", "-save", "."}},
		{name: "model, posix", program: racefuzz, args: model("posix")},
		{name: "model, windows", program: racefuzz, args: model("windows")},
		{name: "model, windows-legacy", program: racefuzz, args: model("windows-legacy")},
		{name: "model, wine", program: racefuzz, args: model("wine")},
	}},
	{pkg: "lock", files: []string{"system_unix.go", "system_windows.go", "holds_linux.go", "holds_darwin.go"}, checks: append(slices.Clone(lockTests),
		&check{name: "kernel, first 5000", program: racefuzz, args: []string{"-tier", "kernel", "-n", "5000", "-workers", "1", "-save", "."}})},
	{pkg: "server", files: []string{"claim.go"}, checks: []*check{
		{name: "server's scripts", program: serverTests, args: tests("Scripts/(standby|pidfile|start_|status|stores_|runtimedir|stop_late)"), timed: true},
		{name: "server's crowds", program: serverTests, args: append(tests("LeavesWithItsHost|FreshStore|Uninstalls"), "-test.short"), timed: true},
	}},
	{pkg: "server", files: []string{"seize.go", "uninstall.go", "uninstall_unix.go", "uninstall_windows.go"}, checks: []*check{
		{name: "server's scripts", program: serverTests, args: tests("Scripts/uninstall|Seized"), timed: true},
		{name: "server's crowds", program: serverTests, args: append(tests("Uninstall"), "-test.short"), timed: true},
	}},
}

var lockTests = []*check{
	{name: "lock's tests", program: program{"lock", true}, args: append(tests(""), "-test.skip", slow)},
	{name: "lock's slow tests", program: program{"lock", true}, args: tests(slow), timed: true},
}

// tests are the arguments of a test program.
func tests(names string) []string { return []string{"-test.failfast", "-test.run", names} }

func model(rules string, more ...string) []string {
	return append([]string{"-tier", "model", "-rules", rules, "-workers", "1", "-save", "."}, more...)
}

// firstLimit is for a check of what is not changed; one of a change may take
// limitFactor times what that took, and limitMore.
const (
	firstLimit  = 10 * time.Minute
	limitFactor = 6
	limitMore   = 10 * time.Second
)

// ready makes sure, once, that c passes with no change chosen.
func (c *check) ready(ctx context.Context, w *workshop) error {
	c.once.Do(func() {
		said, took, err := c.unchanged(ctx, w)
		if err == nil && said != "" {
			err = fmt.Errorf("%s: what is not changed does not pass: %s", c.name, said)
		}
		c.err = err
		c.limit.Store(int64(limitMore + limitFactor*took))
	})
	return c.err
}

// unchanged returns what c says with no change chosen, and how long it took.
func (c *check) unchanged(ctx context.Context, w *workshop) (said string, took time.Duration, err error) {
	b, err := w.bench(nil)
	if err != nil {
		return "", 0, err
	}
	defer b.remove()
	if _, err := b.program(ctx, c.program); err != nil {
		return "", 0, err
	}
	start := time.Now()
	said, err = b.run(ctx, c, firstLimit)
	return said, time.Since(start), err
}

// errBusy says that a machine has too much else to do.
var errBusy = errors.New("what is not changed fails too, now: the machine is too busy")

// judge returns what c says against the change that b has, or nothing. What goes
// by time is believed only where what is not changed passes right afterwards, and
// takes no longer than it did.
func (b *bench) judge(ctx context.Context, c *check) (string, error) {
	for range 5 {
		limit := time.Duration(c.limit.Load())
		said, err := b.run(ctx, c, limit)
		if err != nil || said == "" || !c.timed && said != hangs {
			return said, err
		}
		without, took, err := c.unchanged(ctx, b.workshop)
		if now := limitMore + limitFactor*took; without == "" && now <= 2*limit || err != nil {
			return said, err
		} else {
			c.limit.Store(int64(max(now, limit)))
		}
	}
	return "", fmt.Errorf("%s: %w", c.name, errBusy)
}

const hangs = "hangs"

// run returns what c says against the program, or nothing.
func (b *bench) run(ctx context.Context, c *check, limit time.Duration) (string, error) {
	path, err := b.program(ctx, c.program)
	if err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out tail
	cmd := exec.CommandContext(limited, path, c.args...)
	cmd.Dir = b.work()
	cmd.Env = append(os.Environ(), "TMPDIR="+b.temp(), "TMP="+b.temp(), "TEMP="+b.temp(), "HOME="+b.temp())
	cmd.Stdout, cmd.Stderr = &out, &out
	alone(cmd)
	cmd.Cancel = func() error { return end(cmd) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if cmd.Process != nil {
		end(cmd) // what it has left
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case limited.Err() != nil:
		return hangs, nil
	case errors.As(err, &exit):
		return out.reason(), nil
	}
	return "", err
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

const kept = 1 << 16

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if len(t.text) > 2*kept {
		t.text = append(t.text[:0], t.text[len(t.text)-kept:]...)
	}
	return len(p), nil
}

// telling is a line that says what failed: a test, a crash, or an invariant.
var telling = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^((?:panic|fatal error|racefuzz: error): .*)|^(I\d+: .*)`)

// reason returns the most telling line.
func (t *tail) reason() string {
	found := telling.FindAllSubmatch(t.text, -1)
	if len(found) > 0 {
		last := found[len(found)-1] // a subtest comes after the test that it is in
		return strings.TrimSpace(string(last[1]) + string(last[2]) + string(last[3]))
	}
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	return short(lines[len(lines)-1])
}
