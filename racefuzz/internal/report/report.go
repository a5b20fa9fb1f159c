// Package report renders the events of a case: as lanes in plain text, as
// JSON and as a page of HTML. It knows events and nothing of where they come
// from.
package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Report is one case with what came of it.
type Report struct {
	Case    race.Case
	Events  []race.Event
	Verdict race.Verdict
	// Critical holds the indices of the critical pair in Events: two steps
	// whose swap makes the case pass. {0, 0} says that there is none.
	Critical [2]int
	// Replay is the command that runs the case again, or "".
	Replay string
}

// Plain returns r with all that is drawn as plain ASCII: a file's content as
// it is shown, and no name or result that could disturb a terminal or a
// column.
func (r Report) plain() Report {
	r.Case = r.Case.Clone()
	for i, a := range r.Case.Actors {
		r.Case.Actors[i].Name = Plain(a.Name)
		for n, word := range a.Script {
			r.Case.Actors[i].Script[n] = Plain(word)
		}
	}
	r.Events = slices.Clone(r.Events)
	for i, e := range r.Events {
		e.Actor, e.Op, e.Result, e.Detail = Plain(e.Actor), Plain(e.Op), Plain(e.Result), Plain(e.Detail)
		e.File, e.Lock, e.Orphans = content(e.File), Plain(e.Lock), Plain(e.Orphans)
		if e.Detail == r.Case.PIDFile() {
			e.Detail = "" // it goes without saying
		}
		r.Events[i] = e
	}
	r.Verdict.Reason = Plain(r.Verdict.Reason)
	return r
}

// hasCritical reports whether there is a critical pair to be marked.
func (r Report) hasCritical() bool {
	i, j := r.Critical[0], r.Critical[1]
	return 0 <= i && i < j && j < len(r.Events)
}

// stack is what an actor was in the middle of when it made a step.
type stack struct {
	Actor  string   `json:"actor"`
	Step   int      `json:"step"`
	Frames []string `json:"frames"`
}

// stacks are those of the steps that are marked, as far as they were looked at.
func (r Report) stacks() (stacks []stack) {
	for i, e := range r.Events {
		if marked := r.breaks(i) || r.hasCritical() && slices.Contains(r.Critical[:], i); !marked || e.Stack == "" {
			continue
		}
		s := stack{e.Actor, i + 1, []string{}}
		for line := range strings.Lines(e.Stack) {
			if e.Stack != race.NoSymbols {
				s.Frames = append(s.Frames, Plain(strings.TrimSuffix(line, "\n")))
			}
		}
		stacks = append(stacks, s)
	}
	return stacks
}

// Stacks writes those stacks, each under the step that it is of.
func Stacks(w io.Writer, r Report) {
	for _, s := range r.stacks() {
		fmt.Fprintf(w, "\n%s at step %d:", Plain(s.Actor), s.Step)
		if len(s.Frames) == 0 {
			fmt.Fprint(w, " ", race.NoSymbols)
		}
		for _, frame := range s.Frames {
			fmt.Fprintf(w, "\n    %s", frame)
		}
		fmt.Fprintln(w)
	}
}

// breaks reports whether the i-th event broke an invariant.
func (r Report) breaks(i int) bool {
	return r.Verdict.Broken() && r.Verdict.Event == i
}

// timed reports whether time passes in the case.
func (r Report) timed() bool {
	return slices.ContainsFunc(r.Events, func(e race.Event) bool { return e.Time != 0 })
}

// told reports whether the events tell files apart.
func (r Report) told() bool {
	return slices.ContainsFunc(r.Events, func(e race.Event) bool { return e.Inode != 0 })
}

// actors returns the case's actors, and after them whoever else made a step.
func (r Report) actors() []race.Actor {
	actors := slices.Clone(r.Case.Actors)
	for _, e := range r.Events {
		if !slices.ContainsFunc(actors, func(a race.Actor) bool { return a.Name == e.Actor }) {
			actors = append(actors, race.Actor{Name: e.Actor})
		}
	}
	return actors
}

// newcomers returns the actors that are not there from the start.
func (r Report) newcomers() map[string]bool {
	names := map[string]bool{}
	for _, a := range r.actors()[len(r.Case.Actors):] {
		names[a.Name] = true
	}
	return names
}

// ends reports whether an event is the end of its actor, at least until it
// is started again.
func ends(e race.Event) bool {
	return e.Op == string(race.Crash) || e.Op == "exit" || e.Op == "exit_group"
}

// content returns what a file holds as it is shown: a whole line bare, ""
// and what would not be seen quoted.
func content(text string) string {
	line := strings.TrimSuffix(text, "\n")
	if line == "" || strings.TrimSpace(line) != line || line != Plain(line) {
		return strconv.QuoteToASCII(text)
	}
	return line
}

// Plain returns text with all that is not printable ASCII escaped.
func Plain(text string) string {
	quoted := strconv.QuoteToASCII(text)
	return unescape.Replace(quoted[1 : len(quoted)-1])
}

// unescape restores what is escaped only for the sake of the quotes.
var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// summary is one line on the case and its size.
func (r Report) summary() string {
	words := []string{r.Case.Tier + " tier"}
	if r.Case.Rules != "" {
		words[0] += " (" + r.Case.Rules + " rules)"
	}
	words = append(words, r.Case.Target, count(len(r.Case.Actors), "actor"), count(len(r.Events), "step"))
	if !r.timed() {
		words = append(words, count(race.Preemptions(r.Events), "preemption"))
	}
	return strings.Join(words, ", ")
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}
