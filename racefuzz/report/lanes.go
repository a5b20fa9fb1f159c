package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/race"
)

// Widths of the lanes, in characters.
const (
	pageWidth = 80 // of a line at most
	laneWidth = 13 // of an actor's lane at least, when steps stand in it
	textWidth = 24 // of the column with the steps at least, when they stand beside the lanes
	sideWidth = 18 // of the columns with the file and its locks at most
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

// sheet is a report being laid out.
type sheet struct {
	Report
	actors []race.Actor
	states []state
	many   bool            // files have to be told apart
	gone   map[string]bool // the actors that have crashed or exited
	beside bool            // the steps stand beside the lanes
	lanes  []int           // widths; empty when there are no lanes
	number int
	time   int // 0 for no such column
	text   int
	file   int
	lock   int
	out    strings.Builder
}

func newSheet(r Report) *sheet {
	s := &sheet{Report: r, actors: r.actors(), states: r.states(), gone: map[string]bool{}}
	s.many = manyFiles(s.states)
	s.number = len(fmt.Sprint(len(r.Events)))
	if r.timed() {
		s.time = len(clock(slices.MaxFunc(r.Events, later)))
	}
	s.file, s.lock = len("file"), len("lock")
	for _, state := range s.states {
		s.file = min(sideWidth, max(s.file, len(state.file(s.many))))
		s.lock = min(sideWidth, max(s.lock, len(state.lock(s.many))))
	}
	room := pageWidth - len("!/ ") - s.number - len("   ") - s.file - len("  ") - s.lock
	if s.time > 0 {
		room -= len("  ") + s.time
	}
	s.fit(room)
	return s
}

// fit gives every lane the width that it wishes or, where there is less room
// than that, as much as all can have. Each gets so much at least that a step
// and its result stand on one line.
func (s *sheet) fit(room int) {
	wish, least := s.wishes()
	widest := slices.Max(append(wish, 0))
	for most := widest; most >= min(laneWidth, widest); most-- {
		s.lanes = nil
		sum := 0
		for i := range s.actors {
			s.lanes = append(s.lanes, min(wish[i], max(most, least[i])))
			sum += len("  ") + s.lanes[i]
		}
		if sum <= room {
			return
		}
	}
	s.beside = true
	s.text = room - len("   ")
	for i, a := range s.actors {
		s.lanes[i] = len(a.Name)
		s.text -= len(" ") + len(a.Name)
	}
	if s.text < textWidth {
		s.lanes = nil
		s.text = room - len("  ")
	}
	name := len(slices.MaxFunc(s.actors, func(a, b race.Actor) int { return len(a.Name) - len(b.Name) }).Name)
	s.text = min(s.text, name+len(" ")+widest)
}

// wishes returns for each lane the width of its longest line, and the width
// of its longest step without operands.
func (s *sheet) wishes() (wish, least []int) {
	for _, a := range s.actors {
		longest, shortest := max(len(a.Name), len(strings.Join(a.Script, " "))), 0
		for _, e := range s.Events {
			if e.Actor == a.Name {
				longest, shortest = max(longest, len(stepText(e))), max(shortest, len(brief(e)))
			}
		}
		wish, least = append(wish, longest), append(least, shortest)
	}
	return wish, least
}

// cell is what stands in one column of a row.
type cell struct {
	width int
	gap   int      // blanks before it
	lines []string // none longer than width
	fill  string   // what stands in the row's other lines
}

// row writes the cells beside one another.
func (s *sheet) row(cells []cell) {
	height := 1
	for _, c := range cells {
		height = max(height, len(c.lines))
	}
	for i := range height {
		var line strings.Builder
		for _, c := range cells {
			text := c.fill
			if i < len(c.lines) {
				text = c.lines[i]
			}
			fmt.Fprintf(&line, "%*s%-*s", c.gap, "", c.width, text)
		}
		s.out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// frame returns the cells of a row: the lanes between what stands on the
// left and on the right of them.
func (s *sheet) frame(marks, number, time cell, lanes []cell, text, file, lock cell) []cell {
	marks.width = len("!/")
	number.width, number.gap = s.number, 1
	cells := []cell{marks, number}
	if s.time > 0 {
		time.width, time.gap = s.time, 2
		cells = append(cells, time)
	}
	for i, width := range s.lanes {
		lanes[i].width, lanes[i].gap = width, 2
		if s.beside && i > 0 {
			lanes[i].gap = 1
		}
		cells = append(cells, lanes[i])
	}
	if s.beside {
		text.width, text.gap = s.text, 2
		cells = append(cells, text)
	}
	file.width, file.gap = s.file, 3
	lock.width, lock.gap = s.lock, 2
	return append(cells, file, lock)
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
	line := func(text string) cell { return cell{lines: []string{text}} }
	s.row(s.frame(cell{}, cell{}, line("time"), lanes, line("step"), line("file"), line("lock")))
	s.row(s.frame(cell{}, line(fmt.Sprintf("%*d", s.number, 0)), cell{}, s.lines(s.states[0]), cell{},
		line(short(s.states[0].file(s.many), s.file)), cell{}))
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
// lock, none for an actor that is gone.
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
	lanes := s.lines(s.states[i+1])
	lane := slices.IndexFunc(s.actors, func(a race.Actor) bool { return a.Name == e.Actor })
	var text cell
	if s.beside {
		text.lines = stepLines(e, e.Actor+" ", s.text)
		if s.lanes != nil {
			lanes[lane].lines = []string{"*"}
		}
	} else {
		lanes[lane].lines = stepLines(e, "", s.lanes[lane])
	}
	var file, lock cell
	before, after := s.states[i], s.states[i+1]
	if now := after.file(s.many); now != before.file(s.many) {
		file.lines = []string{short(now, s.file)}
	}
	if now := after.lock(s.many); now != before.lock(s.many) {
		lock.lines = s.locks(now)
	}
	number := cell{lines: []string{fmt.Sprintf("%*d", s.number, i+1)}}
	time := cell{lines: []string{fmt.Sprintf("%*s", s.time, clock(e))}}
	s.row(s.frame(s.marks(i), number, time, lanes, text, file, lock))
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
		explain(`/\`, "the critical pair: in the other order the case passes")
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
