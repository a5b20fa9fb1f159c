package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Lanes draws the interleaving: one lane per actor and a row per step with
// its result, and on the right what the pid file held and who held its lock
// after it, where that changed. Where the steps do not fit in the lanes, the
// lanes become lines and the steps stand beside them; where not even the
// lines fit, they are left out.
//
// No line is longer than 80 characters and all are plain ASCII: the same
// drawing goes into saved cases, the logs of a build and every console.
func Lanes(w io.Writer, r Report) error {
	s := newSheet(r.plain())
	s.head()
	for i := range r.Events {
		s.step(i)
	}
	s.legend()
	_, err := io.WriteString(w, s.out.String())
	return err
}

// head writes the actors with their scripts, and the state at the start.
func (s *sheet) head() {
	lanes := make([]cell, len(s.lanes))
	for i, width := range s.lanes {
		lanes[i].lines = []string{short(s.actors[i].Name, width)}
		if !s.beside {
			lanes[i].lines = append(lanes[i].lines, wrap(strings.Join(s.actors[i].Script, " "), width)...)
		}
	}
	if s.beside {
		s.scripts()
	}
	s.write(row{time: line("time"), lanes: lanes, text: line("step"), file: line("file"), lock: line("lock")})
	start := s.states[0]
	s.write(row{
		number: line(fmt.Sprintf("%*d", s.number, 0)),
		lanes:  s.lines(start),
		file:   line(short(start.file(s.many), s.file)),
	})
}

// scripts writes what the actors do, those who do the same together.
func (s *sheet) scripts() {
	var scripts []string
	who := map[string][]string{}
	for _, a := range s.actors {
		script := strings.Join(a.Script, " ")
		if who[script] == nil {
			scripts = append(scripts, script)
		}
		who[script] = append(who[script], a.Name)
	}
	for _, script := range scripts {
		if script == "" {
			continue
		}
		for _, line := range wrap(strings.Join(who[script], " ")+": "+script, pageWidth) {
			fmt.Fprintln(&s.out, line)
		}
	}
	fmt.Fprintln(&s.out)
}

// lines returns the lanes in a state as lines: thick for an actor with a
// lock, none for an actor that has ended or not begun.
func (s *sheet) lines(t state) []cell {
	lanes := make([]cell, len(s.actors))
	for i, a := range s.actors {
		switch {
		case t.holds(a.Name):
			lanes[i].fill = "#"
		case !s.gone[a.Name]:
			lanes[i].fill = "|"
		}
	}
	return lanes
}

// step writes the i-th event.
func (s *sheet) step(i int) {
	e := s.Events[i]
	s.gone[e.Actor] = ends(e)
	before, after := s.states[i], s.states[i+1]
	r := row{
		marks:  s.marks(i),
		number: line(fmt.Sprintf("%*d", s.number, i+1)),
		time:   line(fmt.Sprintf("%*s", s.time, clock(e))),
		lanes:  s.lines(after),
	}
	lane := slices.IndexFunc(s.actors, func(a race.Actor) bool { return a.Name == e.Actor })
	if s.beside {
		r.lanes[lane].lines = []string{"*"}
		r.text.lines = stepLines(e, e.Actor+" ", s.text)
	} else {
		r.lanes[lane].lines = stepLines(e, "", s.lanes[lane])
	}
	if now := after.file(s.many); now != before.file(s.many) {
		r.file = line(short(now, s.file))
	}
	if now := after.lock(s.many); now != before.lock(s.many) {
		r.lock.lines = s.locks(now)
	}
	s.write(r)
}

// locks returns the text on the locks on one line or, if it is too long for
// that, with a line for each.
func (s *sheet) locks(text string) []string {
	if len(text) <= s.lock {
		return []string{cmp.Or(text, "-")}
	}
	lines := strings.SplitAfter(text, ", ")
	for i, line := range lines {
		lines[i] = short(strings.TrimSpace(line), s.lock)
	}
	return lines
}

// pair says what the critical pair is.
func (s *sheet) pair() string {
	if s.Case.Target == "commands" {
		return "between these two calls of one command another one changed the file"
	}
	return "the critical pair: in the other order the case passes"
}

// marks returns what stands in front of the i-th event: "!" when it broke an
// invariant, and an angle that opens at the first step of the critical pair
// and closes at the second.
func (s *sheet) marks(i int) cell {
	breaks, pair, below := " ", " ", ""
	if s.breaks(i) {
		breaks = "!"
	}
	if s.hasCritical() {
		switch first, second := s.Critical[0], s.Critical[1]; {
		case i == first:
			pair, below = "/", " |"
		case i == second:
			pair = `\`
		case first < i && i < second:
			pair, below = "|", " |"
		}
	}
	return cell{lines: []string{breaks + pair}, fill: below}
}

// legend explains the marks that were used.
func (s *sheet) legend() {
	explain := func(mark, text string) {
		for i, line := range wrap(text, pageWidth-len("#  ")) {
			if i > 0 {
				mark = ""
			}
			fmt.Fprintf(&s.out, "%-2s %s\n", mark, line)
		}
	}
	fmt.Fprintln(&s.out)
	if v := s.Verdict; v.Broken() {
		explain("!", fmt.Sprintf("step %d breaks %s", v.Event+1, v))
		explain("", "("+v.Invariant.Meaning()+")")
	}
	if s.hasCritical() {
		explain(`/\`, s.pair())
	}
	if s.lanes != nil && slices.ContainsFunc(s.states, func(t state) bool { return t.locks != nil }) {
		explain("#", "has a lock")
	}
	if s.many {
		explain("[]", "[1] is the first file of the name, [2] the second, and so on")
	}
	if text := s.stranger(); text != "" {
		explain("", text)
	}
	if s.Replay != "" {
		fmt.Fprintf(&s.out, "\nreplay: %s\n", s.Replay)
	}
}
