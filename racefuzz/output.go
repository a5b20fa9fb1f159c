package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
)

// output is where results and the state of affairs go: results to stdout, as
// text or as JSON, and the state to stderr, unless asked to be quiet.
type output struct {
	*common
	stdout io.Writer
	status *status
	line   string // the command line

	mu         sync.Mutex
	unfollowed map[string]string // what an actor did that nobody can follow, and the first who did
	over       map[string]bool   // the verdicts that were passed over
}

// passed keeps a verdict that was passed over.
func (o *output) passed(v race.Verdict) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over == nil {
		o.over = map[string]bool{}
	}
	o.over[v.String()] = true
}

// passedOver are the verdicts that were.
func (o *output) passedOver() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, slices.Sorted(maps.Keys(o.over))...)
}

// noticed keeps what an actor did that nobody can follow.
func (o *output) noticed(actor, what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if first, known := o.unfollowed[what]; known && first <= actor {
		return
	}
	if o.unfollowed == nil {
		o.unfollowed = map[string]string{}
	}
	o.unfollowed[what] = actor
}

// holes are sentences on all of that, such as "a maps server.db".
func (o *output) holes() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	holes := []string{}
	for what, actor := range o.unfollowed {
		holes = append(holes, actor+" "+what)
	}
	slices.Sort(holes)
	return holes
}

func newOutput(c *common, line string, stdout, stderr io.Writer) *output {
	out := &output{common: c, stdout: stdout, line: line}
	if !c.q {
		out.status = newStatus(stderr)
	}
	return out
}

// finding is a broken case with all that became of it.
type finding struct {
	report.Report        // Replay is the command
	seed          uint64 // that it was drawn from, if it was
	broken, ran   int    // when it was run again
	saved         string // where, or ""
}

func (o *output) text(format string, args ...any) {
	o.status.clear()
	fmt.Fprintf(o.stdout, format+"\n", args...)
}

// row writes a line of a table, unless that goes out as JSON.
func (o *output) row(format string, args ...any) {
	if !o.json {
		o.text(format, args...)
	}
}

// object writes a line of JSON. Each has a type, which says what else it has.
func (o *output) object(kind string, fields map[string]any) {
	o.status.clear()
	fields["type"] = kind
	enc := json.NewEncoder(o.stdout)
	enc.SetEscapeHTML(false)
	enc.Encode(fields)
}

// begin writes the first line: every option, the seed among them.
func (o *output) begin() {
	if o.json {
		o.object("start", map[string]any{"command": o.line, "seed": o.seed, "tier": o.tier, "target": o.target,
			"n": o.n, "procs": o.procs, "server": o.server, "replay": o.replay, "save": o.saveDir, "time_s": o.time.Seconds()})
		return
	}
	o.text("%s", o.line)
}

func (o *output) built(took time.Duration) {
	if took > 0 && !o.json && !o.q {
		o.text("built the server in %.1fs", took.Seconds())
	}
}

// learned says what was found out about a program, by option, and what of it is
// odd.
func (o *output) learned(p program.Program) {
	if o.q && !o.json {
		return
	}
	about := p.Options()
	if o.json {
		o.object("program", map[string]any{"options": about, "notes": p.Notes})
		return
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(about)) {
		words = append(words, name+" "+about[name])
	}
	o.text("as it behaves: %s", strings.Join(words, ", "))
	for _, note := range p.Notes {
		o.text("note: %s", note)
	}
}

// runs says which command lines a saved case runs, and what it takes in.
func (o *output) runs(c race.Case) {
	if o.json {
		return
	}
	for _, line := range commandLines(c) {
		o.text("runs: %s", line)
	}
	for _, path := range texts(c, "in") {
		o.text("in:   %s", path)
	}
}

// commandLines are what a saved case runs that is not of this module, fit for a
// terminal.
func commandLines(c race.Case) (lines []string) {
	var words []string
	for _, w := range c.Command {
		words = append(words, word(w))
	}
	if len(words) > 0 {
		lines = append(lines, report.Plain(strings.Join(words, " ")))
	}
	return append(lines, texts(c, "setup", "line", "read", "probe", "beside")...)
}

// texts are what a case has of some kinds of options, fit for a terminal.
func texts(c race.Case, kinds ...string) (texts []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		kind, _, _ := strings.Cut(name, ".")
		text, err := strconv.Unquote(c.Options[name])
		if err == nil && text != "" && slices.Contains(kinds, kind) {
			texts = append(texts, report.Plain(strings.ReplaceAll(text, "\x00", " ")))
		}
	}
	return texts
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

// unlearned ends a run that was interrupted, or whose time was over, before it was
// known what those do alone that it is about. It reports whether that is so.
func (o *output) unlearned(ctx, limited context.Context, since time.Time, whom, counted string) (code int, ended bool) {
	verdict := "nothing tried: the time ended"
	switch {
	case ctx.Err() != nil:
		code, verdict = exitInterrupted, "interrupted"
	case limited.Err() == nil:
		return 0, false
	}
	return o.end(code, verdict+", before it was known what "+whom+" does alone", time.Since(since), tally{0, counted}), true
}

// found shows a broken case, and writes it as a page if that was asked for.
func (o *output) found(f finding) error {
	pageErr := o.page(f.Report)
	replay := f.Replay
	f.Replay = "" // has its place behind the drawing
	if o.json {
		var drawn bytes.Buffer
		report.JSON(&drawn, f.Report)
		o.object("race", map[string]any{"seed": f.seed, "broken": f.broken, "runs": f.ran, "saved": f.saved,
			"replay": replay, "report": json.RawMessage(drawn.Bytes())})
		return pageErr
	}
	if !o.q {
		o.text("")
		report.Lanes(o.stdout, f.Report)
		report.Stacks(o.stdout, f.Report)
		o.text("\nbroken in %d of %d runs", f.broken, f.ran)
		for _, hole := range o.holes() {
			o.text("noted:  %s", hole)
		}
	}
	if f.broken == 0 {
		o.text("drawn:  -seed %d -n 1", f.seed)
	}
	if o.html != "" && pageErr == nil {
		o.text("page:   %s", o.html)
	}
	if f.saved != "" {
		o.text("saved:  %s", relative(f.saved))
	}
	if replay != "" {
		o.text("replay: %s", replay)
	}
	return pageErr
}

func (o *output) page(r report.Report) error {
	if o.html == "" {
		return nil
	}
	f, err := os.Create(o.html)
	if err != nil {
		return err
	}
	return errors.Join(report.HTML(f, r), f.Close())
}

// end writes the last line and returns the exit code. The counts say what was
// done, such as "cases".
func (o *output) end(code int, verdict string, took time.Duration, counts ...tally) int {
	if o.json {
		fields := map[string]any{"verdict": verdict, "exit": code, "seconds": took.Seconds(), "unfollowed": o.holes(), "passed": o.passedOver()}
		for _, c := range counts {
			fields[c.what] = c.n
		}
		o.object("end", fields)
		return code
	}
	if over := o.passedOver(); len(over) > 0 {
		verdict += "; passed over: " + strings.Join(over, "; ")
	}
	var words []string
	for _, c := range counts {
		words = append(words, c.String())
	}
	o.text("%s (%s, %.1fs)", verdict, strings.Join(words, ", "), took.Seconds())
	return code
}

// tally is a number of things, named in the plural.
type tally struct {
	n    int
	what string
}

func (t tally) String() string {
	if one, is := strings.CutSuffix(t.what, "ies"); is && t.n == 1 {
		return "1 " + one + "y"
	}
	if t.n == 1 {
		return "1 " + strings.TrimSuffix(t.what, "s")
	}
	return fmt.Sprint(t.n, " ", t.what)
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
func soFar(counts []tally, n int, took, limit time.Duration) string {
	cases, started := counts[0], counts[1]
	rate := float64(cases.n) / took.Seconds()
	words := []string{fmt.Sprintf("%d %s", cases.n, cases.what)}
	if n > 0 {
		words[0] = fmt.Sprintf("%d of %d %s", cases.n, n, cases.what)
	}
	words = append(words, fmt.Sprintf("%.1f/s", rate), fmt.Sprintf("%d %s started", started.n, started.what))
	var left time.Duration
	if n > 0 && rate > 0 {
		left = time.Duration(float64(n-cases.n) / rate * float64(time.Second))
	}
	if limit > 0 && (n == 0 || limit-took < left) {
		left = limit - took
	}
	return strings.Join(append(words, fmt.Sprintf("%.0fs left", max(left, 0).Seconds())), ", ")
}
