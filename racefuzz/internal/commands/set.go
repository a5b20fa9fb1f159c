package commands

import (
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Set is command lines that share a place, with what is known of them and what
// was met when they ran at the same time.
type Set struct {
	Place *Place
	Lines []Line
	// Known judges what they leave. Without it they are only run.
	Known  *Known
	Strict bool // a refusal is a finding as well

	Refused map[string]int // so often each way to be refused was met
	Left    map[string]int // likewise the files that no order leaves
	Stayed  map[string]int // and the programs that were left running
}

// NewSet returns a set of which the place is below the directory base.
func NewSet(base string, lines []Line) (Set, error) {
	place, err := NewPlace(base)
	return Set{Place: place, Lines: lines, Refused: map[string]int{}, Left: map[string]int{}, Stayed: map[string]int{}}, err
}

// Judge judges what is in the place now that the commands have ended so, or will
// not end, and counts what breaks no rule.
func (s *Set) Judge(ends []Ending) (Word, error) {
	var waiting []string
	for i, e := range ends {
		name := race.ActorName(i)
		if e.Waits != "" {
			waiting = append(waiting, name)
		}
		for _, program := range e.Left {
			s.Stayed[name+", "+program]++
		}
	}
	switch len(waiting) {
	case 0:
	case 1:
		return Word{Rule: race.CommandsEnd, Reason: waiting[0] + " does not come to an end"}, nil
	default:
		return Word{Rule: race.CommandsEnd, Reason: strings.Join(waiting, " and ") + " do not come to an end"}, nil
	}
	snapshot, err := s.Place.Snapshot(nil)
	if err != nil {
		return Word{}, err
	}
	word, err := s.Known.Judge(ends, snapshot)
	if err != nil {
		return Word{}, err
	}
	if word.Rule == "" && s.Strict && len(word.Refused) > 0 {
		word.Rule, word.Reason = race.NobodyIsRefused, strings.Join(word.Refused, " and ")+", because the other runs"
	}
	for _, refused := range word.Refused {
		s.Refused[refused]++
	}
	for _, name := range word.Left {
		s.Left[name]++
	}
	return word, nil
}
