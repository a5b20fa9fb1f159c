package proc

// Proves that a program that nobody prepared is learned, judged by its own
// promise, and left in peace when it keeps it. The programs are this test
// binary, in a role.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// daemonVariable has the test binary play a daemon.
const daemonVariable = "RACEFUZZ_TEST_DAEMON"

func TestMain(m *testing.M) {
	if role := Role(nil); role != nil {
		os.Exit(role())
	}
	if os.Getenv(daemonVariable) != "" && len(os.Args) == 3 {
		os.Exit(daemons[os.Args[1]](os.Args[2]))
	}
	os.Setenv(daemonVariable, "1")
	os.Exit(m.Run())
}

// daemons are programs with a pid file at a path, by name.
var daemons = map[string]func(path string) int{
	"correct": correct,
	"empties the file first": func(path string) int {
		if f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err == nil {
			f.Close()
		}
		return correct(path)
	},
	"asks nobody": func(path string) int {
		defer os.Remove(path)
		os.WriteFile(path, fmt.Appendln(nil, os.Getpid()), 0o600)
		io.Copy(io.Discard, os.Stdin)
		return 0
	},
	"stays beside": func(path string) int {
		if p, err := lock.Acquire(path); err == nil {
			defer p.Release()
		}
		io.Copy(io.Discard, os.Stdin)
		return 0
	},
	"refuses once the file is there": func(path string) int {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return 1
		}
		fmt.Fprintln(f, os.Getpid())
		f.Close()
		io.Copy(io.Discard, os.Stdin)
		os.Remove(path)
		return 0
	},
	"leaves its file": func(path string) int {
		p, err := lock.Acquire(path)
		if err != nil {
			return 1
		}
		io.Copy(io.Discard, os.Stdin)
		defer os.WriteFile(filepath.Join(filepath.Dir(path), fmt.Sprint("core.", os.Getpid())), nil, 0o600)
		p.Release()
		return 0
	},
	"never leaves at the end of input": func(path string) int {
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		p, err := lock.Acquire(path)
		if err != nil {
			return 1
		}
		defer p.Release()
		fmt.Println("listening")
		<-interrupted
		return 0
	},
	// Leaves its pid file: where others read it, Windows would remove it only
	// when they are done, which may be in the time of the next holder.
	"says when it started": func(path string) int {
		p, err := lock.Acquire(path + ".lock")
		if err != nil {
			return 1
		}
		defer p.Release()
		os.WriteFile(path, fmt.Appendln(nil, os.Getpid(), time.Now().Unix()), 0o600)
		io.Copy(io.Discard, os.Stdin)
		return 0
	},
	"keeps a lock alone": func(path string) int {
		p, err := lock.Acquire(path + " lock")
		if err != nil {
			os.WriteFile(filepath.Join(filepath.Dir(path), "refused"), nil, 0o600)
			return 1
		}
		defer os.WriteFile(filepath.Join(filepath.Dir(path), "a log"), nil, 0o600)
		defer p.Release()
		io.Copy(io.Discard, os.Stdin)
		return 0
	},
	"touches nothing": func(path string) int {
		io.Copy(io.Discard, os.Stdin)
		return 0
	},
	"no server": func(path string) int { fmt.Println("done"); return 0 },
}

func correct(path string) int {
	p, err := lock.Acquire(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer p.Release()
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func openArena(t *testing.T) *Arena {
	a, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func daemon(name string) program.Program {
	return program.Program{Command: []string{os.Args[0], name, "{pidfile}"}}
}

func TestWhatAProgramDoesIsLearned(t *testing.T) {
	t.Parallel()
	a := openArena(t)
	tests := map[string]program.Program{
		"correct":                          {Ready: "file", Stop: "eof", Losers: "exit", Content: "{pid}\n"},
		"asks nobody":                      {Ready: "file", Stop: "eof", Losers: "exit", Content: "{pid}\n"},
		"stays beside":                     {Ready: "file", Stop: "eof", Losers: "serve", Content: "{pid}\n"},
		"says when it started":             {Ready: "file", Stop: "eof", Losers: "exit", Content: program.Somewhere, Leaves: "server.pid"},
		"never leaves at the end of input": {Ready: "file", Stop: "int", Losers: "exit", Content: "{pid}\n"},
	}
	for name, want := range tests {
		p := daemon(name)
		if want.Stop == "int" {
			p.Stop = "int" // it would take a while to find out
		}
		got, err := a.Learn(context.Background(), p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got.Settles, got.Stops, want.Command = "", "", got.Command
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestWhatIsNoServerIsRefused(t *testing.T) {
	t.Parallel()
	a := openArena(t)
	_, err := a.Learn(context.Background(), daemon("no server"))
	var ends *race.EndsError
	if !errors.As(err, &ends) || ends.Ending != "exit 0" || ends.Said != "done" || ends.Daemon {
		t.Errorf("%v", err)
	}
	if _, err := a.Learn(context.Background(), daemon("touches nothing")); !errors.Is(err, race.ErrUntouched) {
		t.Errorf("%v", err)
	}
	p := daemon("never leaves at the end of input")
	p.Stop = "eof"
	if _, err := a.Learn(context.Background(), p); err == nil || !strings.Contains(err.Error(), "does not stop") {
		t.Errorf("%v", err)
	}
}

func TestProgramsAreJudgedByTheirPromise(t *testing.T) {
	t.Parallel()
	tests := []struct {
		daemon string
		breaks string // any of them, or "" for none
		cases  int
	}{
		{"correct", "", 8},
		{"says when it started", "", 8},
		{"keeps a lock alone", "", 6},
		{"empties the file first", "I2 I5", 100},
		{"asks nobody", "I1 I2", 100},
		{"refuses once the file is there", "I4 I7", 100}, // I7: while Windows has yet to remove it
		{"leaves its file", "I3", 100},
	}
	for _, tt := range tests {
		t.Run(tt.daemon, func(t *testing.T) {
			t.Parallel()
			a := openArena(t)
			c, err := a.Learn(context.Background(), daemon(tt.daemon))
			if err != nil {
				t.Fatal(err)
			}
			draw := func(seed uint64) race.Case { return DrawProgram(c, seed, 5) }
			seen := 0
			r, err := a.Fuzz(context.Background(), Target{}, draw, NewSeeds(1, tt.cases), func(Result) { seen++ })
			switch {
			case err != nil:
				t.Fatal(err)
			case tt.breaks == "" && r != nil:
				t.Errorf("seed %d: %v\n%v", r.Seed, r.Outcome.Verdict, r.Outcome.Events)
			case tt.breaks == "" && seen != tt.cases:
				t.Errorf("%d cases were run, of %d", seen, tt.cases)
			case tt.breaks != "" && r == nil:
				t.Errorf("nothing was found in %d cases", seen)
			case r != nil && !strings.Contains(tt.breaks, string(r.Outcome.Verdict.Invariant)):
				t.Errorf("%v, want %s", r.Outcome.Verdict, tt.breaks)
			}
		})
	}
}

func TestOneWorkerRunsOneCaseAtATime(t *testing.T) {
	t.Parallel()
	a := openArena(t)
	c, err := a.Learn(context.Background(), daemon("correct"))
	if err != nil {
		t.Fatal(err)
	}
	a.Workers = 1
	var running, most atomic.Int64
	draw := func(seed uint64) race.Case {
		most.Store(max(most.Load(), running.Add(1)))
		return DrawProgram(c, seed, 2)
	}
	r, err := a.Fuzz(context.Background(), Target{}, draw, NewSeeds(1, 3), func(Result) { running.Add(-1) })
	if err != nil || r != nil || most.Load() != 1 {
		t.Errorf("%d at a time, %v, %v", most.Load(), r, err)
	}
}

// What a daemon leaves in the background, outside of its group, ends with the
// case.
func TestNothingOfAProgramRemains(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells which processes belong to a case")
	}
	a := openArena(t)
	_, err := a.Learn(context.Background(), program.Program{Command: []string{"sh", "-c", "setsid sleep 50 & echo $! >{pidfile}"}})
	var ends *race.EndsError
	if !errors.As(err, &ends) || !ends.Daemon {
		t.Errorf("%v", err)
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range commands {
		environ, _ := os.ReadFile(path)
		if bytes.Contains(environ, []byte(caseVariable+"="+a.Dir)) {
			t.Errorf("%s is still there", path)
		}
	}
}
