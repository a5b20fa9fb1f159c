package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// replays is how often each witness is replayed by itself, in a process of
// its own.
const replays = 10

// bench is where daemons are tried.
type bench struct {
	ctx       context.Context
	dir       string // temporary
	racefuzz  string
	packages  packages
	schedules int
	limit     time.Duration
}

// row is what came of a daemon.
type row struct {
	Name    string   `json:"name"`
	Package string   `json:"package"`
	Version string   `json:"version"`
	Leaves  bool     `json:"leaves"` // the file is there after an orderly stop
	Strict  outcome  `json:"strict"`
	Lenient *outcome `json:"lenient,omitempty"` // with -lenient, if what was found is that a stale file is emptied
}

// outcome is what came of running racefuzz once.
type outcome struct {
	Verdict   string `json:"verdict"` // its last line
	Exit      int    `json:"exit"`
	Schedules int    `json:"schedules"`
	Steps     int    `json:"steps"`    // of the witness
	Replayed  int    `json:"replayed"` // of so many replays, each in a process of its own, that many broke the same
	Replays   int    `json:"replays"`
}

// try runs racefuzz on a daemon, and what it saves again.
func (b bench) try(d daemon) (row, error) {
	r := row{Name: d.Name, Package: d.Package}
	var err error
	if r.Version, err = b.packages.fetch(b.ctx, d.Package); err != nil {
		return r, err
	}
	if r.Strict, r.Leaves, err = b.explore(d); err != nil || r.Strict.kind() != emptied {
		return r, errors.Join(err, remove(d.lenient().witness()))
	}
	second, _, err := b.explore(d.lenient())
	r.Lenient = &second
	return r, err
}

// explore runs racefuzz and keeps what it saves as the witness.
func (b bench) explore(d daemon) (o outcome, leaves bool, err error) {
	args := append([]string{"-json", "-save", b.dir, "-n", strconv.Itoa(b.schedules), "-time", b.limit.String(), "-workers", "4"}, d.arguments()...)
	out, code, err := b.output(args...)
	if err != nil {
		return o, false, err
	}
	o.Exit = code
	saved, leaves, err := o.read(out)
	if err != nil || saved == "" {
		return o, leaves, errors.Join(err, remove(d.witness()))
	}
	data, err := os.ReadFile(saved)
	if err != nil {
		return o, leaves, err
	}
	if err := os.WriteFile(d.witness(), data, 0o644); err != nil {
		return o, leaves, err
	}
	for range replays {
		out, code, err := b.output("replay", "-q", d.witness())
		if err != nil {
			return o, leaves, err
		}
		o.Replays++
		if code == 1 && strings.Contains(string(out), o.Verdict) {
			o.Replayed++
		}
	}
	return o, leaves, nil
}

func remove(path string) error {
	if err := os.Remove(path); !os.IsNotExist(err) {
		return err
	}
	return nil
}

// output runs racefuzz, which ends what it started also when it is told to
// stop, and returns what it printed and its exit code.
func (b bench) output(args ...string) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(b.ctx, b.limit+5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.racefuzz, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	cmd.Env = b.packages.environment()
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	code := cmd.ProcessState.ExitCode()
	if ctx.Err() != nil || code < 0 || code == 2 {
		return out, code, fmt.Errorf("racefuzz %s: %w\n%s", strings.Join(args, " "), err, said.Bytes())
	}
	return out, code, nil
}

// read takes over what racefuzz says, and returns where it has saved a
// witness, or "", and whether the program leaves its pid file.
func (o *outcome) read(out []byte) (saved string, leaves bool, err error) {
	for line := range bytes.Lines(out) {
		var said struct {
			Type, Verdict, Saved string
			Schedules            int
			Options              map[string]string
			Report               struct{ Events []any }
		}
		if err := json.Unmarshal(line, &said); err != nil {
			return "", false, err
		}
		switch said.Type {
		case "program":
			names, _ := strconv.Unquote(said.Options["leaves"])
			for name := range strings.FieldsSeq(names) {
				leaves = leaves || filepath.Ext(name) == ".pid"
			}
		case "race":
			saved, o.Steps = said.Saved, len(said.Report.Events)
		case "end":
			o.Verdict, o.Schedules = said.Verdict, said.Schedules
		}
	}
	return saved, leaves, nil
}

// replay shows the witness of a daemon once more.
func (b bench) replay(d daemon, lenient bool) error {
	if lenient {
		d = d.lenient()
	}
	if _, err := b.packages.fetch(b.ctx, d.Package); err != nil {
		return err
	}
	cmd := exec.CommandContext(b.ctx, b.racefuzz, "replay", d.witness())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env, cmd.Stdout, cmd.Stderr = b.packages.environment(), os.Stdout, os.Stderr
	return cmd.Run()
}
