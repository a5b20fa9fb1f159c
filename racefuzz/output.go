package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/memlatch/memlatch/racefuzz/proc"
	"github.com/memlatch/memlatch/racefuzz/report"
)

// output is where results and the state of affairs go: results to stdout, as
// text or as JSON, and the state to stderr, unless asked to be quiet.
type output struct {
	options
	stdout io.Writer
	status *status
}

func newOutput(o options, stdout, stderr io.Writer) *output {
	out := &output{options: o, stdout: stdout}
	if !o.q {
		out.status = newStatus(stderr)
	}
	return out
}

// race is a broken case with all that became of it.
type race struct {
	proc.Result
	broken, ran int    // when it was run again
	saved       string // where, or ""
	replay      string // the command
}

func (o *output) text(format string, args ...any) {
	o.status.clear()
	fmt.Fprintf(o.stdout, format+"\n", args...)
}

// object writes a line of JSON. Each has a type, which says what else it has.
func (o *output) object(kind string, fields map[string]any) {
	o.status.clear()
	fields["type"] = kind
	enc := json.NewEncoder(o.stdout)
	enc.SetEscapeHTML(false)
	enc.Encode(fields)
}

func (o *output) begin() {
	if o.json {
		o.object("start", map[string]any{"command": o.options.String(), "seed": o.seed, "n": o.n, "procs": o.procs,
			"target": o.target, "server": o.server, "replay": o.replay, "save": o.save, "time_s": o.time.Seconds()})
		return
	}
	o.text("%s", o.options)
}

func (o *output) built(took time.Duration) {
	if took > 0 && !o.json && !o.q {
		o.text("built the server in %.1fs", took.Seconds())
	}
}

func (o *output) ran(r proc.Result) {
	if !o.v {
		return
	}
	if o.json {
		o.object("case", map[string]any{"seed": r.Seed, "verdict": r.Outcome.Verdict.String(),
			"actors": len(r.Case.Actors), "servers": r.Outcome.Servers, "ms": r.Took.Milliseconds()})
		return
	}
	o.text("case %d: %s (%d actors, %d servers, %.2fs)", r.Seed, r.Outcome.Verdict,
		len(r.Case.Actors), r.Outcome.Servers, r.Took.Seconds())
}

// found shows a race.
func (o *output) found(r race) {
	rep := report.Report{Case: r.Case, Events: r.Outcome.Events, Verdict: r.Outcome.Verdict}
	if o.json {
		var drawn bytes.Buffer
		report.JSON(&drawn, rep)
		o.object("race", map[string]any{"seed": r.Seed, "broken": r.broken, "runs": r.ran, "saved": r.saved,
			"replay": r.replay, "report": json.RawMessage(drawn.Bytes())})
		return
	}
	if !o.q {
		o.text("")
		report.Lanes(o.stdout, rep)
		o.text("\nbroken in %d of %d runs", r.broken, r.ran)
	}
	if r.saved != "" {
		o.text("saved:  %s", relative(r.saved))
	}
	if r.replay != "" {
		o.text("replay: %s", r.replay)
	}
}

// end writes the last line and returns the exit code.
func (o *output) end(code int, verdict string, cases, servers int, took time.Duration) int {
	if o.json {
		o.object("end", map[string]any{"verdict": verdict, "exit": code, "cases": cases, "servers": servers,
			"seconds": took.Seconds()})
		return code
	}
	o.text("%s (%d cases, %d servers, %.1fs)", verdict, cases, servers, took.Seconds())
	return code
}

// status is the state of affairs: on a terminal one line, redrawn at most ten
// times a second; elsewhere a plain line every ten seconds.
type status struct {
	w        io.Writer
	terminal bool
	drawn    time.Time
	shown    bool
}

func newStatus(w io.Writer) *status {
	f, ok := w.(*os.File)
	return &status{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), drawn: time.Now()}
}

func (s *status) show(text string) {
	if s == nil {
		return
	}
	every := 10 * time.Second
	if s.terminal {
		every = 100 * time.Millisecond
	}
	if time.Since(s.drawn) < every {
		return
	}
	s.drawn = time.Now()
	if !s.terminal {
		fmt.Fprintln(s.w, text)
		return
	}
	s.shown = true
	fmt.Fprintf(s.w, "\r\x1b[K%s", text)
}

// clear takes the line away for what is written next.
func (s *status) clear() {
	if s != nil && s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown = false
	}
}

// soFar describes the state of a run of cases.
func soFar(cases, n, servers int, took, limit time.Duration) string {
	rate := float64(cases) / took.Seconds()
	words := []string{fmt.Sprintf("%d cases", cases)}
	if n > 0 {
		words[0] = fmt.Sprintf("%d of %d cases", cases, n)
	}
	words = append(words, fmt.Sprintf("%.1f/s", rate), fmt.Sprintf("%d servers started", servers))
	var left time.Duration
	if n > 0 && rate > 0 {
		left = time.Duration(float64(n-cases) / rate * float64(time.Second))
	}
	if limit > 0 && (n == 0 || limit-took < left) {
		left = limit - took
	}
	return strings.Join(append(words, fmt.Sprintf("%.0fs left", left.Seconds())), ", ")
}
