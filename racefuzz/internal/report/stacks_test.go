package report

// Proves that the stacks of the steps that are marked are written, and of no
// others, and that one without names says so.

import (
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestStacksOfMarkedStepsAreWritten(t *testing.T) {
	r := Report{Verdict: race.Verdict{Invariant: race.Serializable, Event: 4}, Critical: [2]int{1, 3}}
	for _, stack := range []string{"main.no  no.go:1", "main.a  a.go:1\nmain.b\x1b  b.go:2", "main.no  no.go:1", race.NoSymbols, ""} {
		r.Events = append(r.Events, race.Event{Step: race.Step{Actor: "a", Op: "write"}, Stack: stack})
	}
	const want = "\na at step 2:\n    main.a  a.go:1\n    main.b\\x1b  b.go:2\n\na at step 4: no symbols\n"
	var got, page strings.Builder
	if Stacks(&got, r); got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	if err := HTML(&page, r); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`<p>a at <a href="#s2">step 2</a>: <code>main.a  a.go:1</code>`, `step 4</a>: no symbols</p>`} {
		if !strings.Contains(page.String(), text) {
			t.Errorf("the page has no %s", text)
		}
	}
}
