package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Widths of the lanes, in characters.
const (
	pageWidth = 80 // of a line at most
	laneWidth = 13 // of an actor's lane at least, when steps stand in it
	textWidth = 24 // of the column with the steps at least, when they stand beside the lanes
	sideWidth = 18 // of the columns with the file and its locks at most
)

// sheet is a report being laid out.
type sheet struct {
	Report
	actors []race.Actor
	states []state
	many   bool            // files have to be told apart
	gone   map[string]bool // the actors that have ended or not begun
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
	s := &sheet{Report: r, actors: r.actors(), states: r.states(), gone: r.newcomers()}
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

// row is what stands in the columns of one row.
type row struct {
	marks, number, time, text, file, lock cell
	lanes                                 []cell
}

// cell is what stands in one column of a row, in lines that fit it.
type cell struct {
	lines []string
	fill  string // stands in the row's other lines
}

// line returns a cell with one line.
func line(text string) cell { return cell{lines: []string{text}} }

// write appends the row to what the sheet has written so far.
func (s *sheet) write(r row) {
	cells := append([]cell{r.marks, r.number, r.time, r.text, r.file, r.lock}, r.lanes...)
	height := 1
	for _, c := range cells {
		height = max(height, len(c.lines))
	}
	for i := range height {
		var line strings.Builder
		put := func(gap int, c cell, width int) {
			text := c.fill
			if i < len(c.lines) {
				text = c.lines[i]
			}
			fmt.Fprintf(&line, "%*s%-*s", gap, "", width, text)
		}
		put(0, r.marks, len("!/"))
		put(1, r.number, s.number)
		if s.time > 0 {
			put(2, r.time, s.time)
		}
		for n, width := range s.lanes {
			gap := 2
			if s.beside && n > 0 {
				gap = 1
			}
			put(gap, r.lanes[n], width)
		}
		if s.beside {
			put(2, r.text, s.text)
		}
		put(3, r.file, s.file)
		put(2, r.lock, s.lock)
		s.out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
