package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

//go:embed equivalents.txt
var equivalentsText string

// equivalents returns the changes that make no difference, with the reason.
func equivalents() (map[string]string, error) {
	known := map[string]string{}
	for line := range strings.Lines(equivalentsText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, _ := strings.Cut(line, " ")
		if reason == "" || known[name] != "" {
			return nil, fmt.Errorf("equivalents.txt: %s: a reason for each, once", name)
		}
		known[name] = reason
	}
	return known, nil
}

// score is how many changes were noticed. It may be added to from several
// goroutines.
type score struct {
	out   io.Writer
	of    int               // there are
	known map[string]string // equivalents

	mu                              sync.Mutex
	noticed, equivalent, impossible int
	survived                        []string
	mistaken                        []string // listed as equivalent, and noticed
}

func (s *score) add(m mutation, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason := s.known[m.name]
	said := ""
	switch {
	case !o.compiles:
		s.impossible++
		return
	case o.by != "":
		said = fmt.Sprintf("noticed by %s: %s", o.by, o.said)
		s.noticed++
		if reason != "" {
			s.mistaken = append(s.mistaken, m.name)
		}
	case reason != "":
		said = "equivalent: " + reason
		s.equivalent++
	default:
		said = "SURVIVED: " + m.change()
		s.survived = append(s.survived, fmt.Sprintf("%-48s %s: %s", m.name, m.position(), m.change()))
	}
	fmt.Fprintf(s.out, "%-48s %5.1fs  %s\n", m.name, o.took.Seconds(), said)
}

func (s *score) print() {
	tried := s.noticed + s.equivalent + len(s.survived)
	fmt.Fprintln(s.out)
	for _, name := range s.mistaken {
		fmt.Fprintf(s.out, "listed as equivalent, but noticed: %s\n", name)
	}
	slices.Sort(s.survived)
	for _, line := range s.survived {
		fmt.Fprintf(s.out, "survived: %s\n", line)
	}
	fmt.Fprintf(s.out, "%d of %d changes tried: %d noticed, %d equivalent, %d survived; %d more do not compile\n",
		tried, s.of, s.noticed, s.equivalent, len(s.survived), s.impossible)
}
