package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// Racefuzz is the program, built, and how it is run.
type Racefuzz struct {
	Ctx     context.Context
	Dir     string          // temporary
	Env     func() []string // asked before each run, for packages come in between
	program string
}

// Build builds racefuzz into dir, in the module's own directory.
func Build(ctx context.Context, dir string, env func() []string) (Racefuzz, error) {
	r := Racefuzz{Ctx: ctx, Dir: dir, Env: env, program: filepath.Join(dir, "racefuzz")}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", r.program, "./racefuzz").CombinedOutput(); err != nil {
		return r, fmt.Errorf("%w\n%s", err, out)
	}
	return r, nil
}

// Outcome is what came of running racefuzz once.
type Outcome struct {
	Verdict   string  `json:"verdict"` // its last line
	Exit      int     `json:"exit"`
	Schedules int     `json:"schedules"`
	Seconds   float64 `json:"seconds,omitempty"` // with learning and shrinking
	Steps     int     `json:"steps"`             // of the witness
	Replayed  int     `json:"replayed"`          // of so many replays, each in a process of its own, that many broke the same
	Replays   int     `json:"replays"`
}

// Explore runs racefuzz with these arguments, for limit and what learning and
// shrinking take, and keeps what it saves as the witness. It also says whether
// the program leaves its pid file.
func (r Racefuzz) Explore(limit time.Duration, witness string, args ...string) (o Outcome, leaves bool, err error) {
	args = append([]string{"-json", "-save", r.Dir, "-time", limit.String()}, args...)
	start := time.Now()
	out, code, err := r.output(limit+5*time.Minute, args...)
	o.Seconds = math.Round(time.Since(start).Seconds())
	if err != nil {
		return o, false, err
	}
	o.Exit = code
	saved, leaves, err := o.read(out)
	if err != nil || saved == "" {
		return o, leaves, errors.Join(err, Remove(witness))
	}
	data, err := os.ReadFile(saved)
	if err != nil {
		return o, leaves, err
	}
	if err := os.WriteFile(witness, data, 0o644); err != nil {
		return o, leaves, err
	}
	for range replays {
		out, code, err := r.output(5*time.Minute, "replay", "-q", witness)
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

// Remove removes a file that may not be there.
func Remove(path string) error {
	if err := os.Remove(path); !os.IsNotExist(err) {
		return err
	}
	return nil
}

// output runs racefuzz, which ends what it started also when it is told to
// stop, and returns what it printed and its exit code.
func (r Racefuzz) output(limit time.Duration, args ...string) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(r.Ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	cmd.Env = r.Env()
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
func (o *Outcome) read(out []byte) (saved string, leaves bool, err error) {
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

// Replay shows a witness once more.
func (r Racefuzz) Replay(witness string) error {
	cmd := exec.CommandContext(r.Ctx, r.program, "replay", witness)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env, cmd.Stdout, cmd.Stderr = r.Env(), os.Stdout, os.Stderr
	return cmd.Run()
}
