package report

// Proves that the page holds every step and state, that nothing in a case can
// become markup, and that the page asks for nothing from elsewhere.

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// render returns the page of r.
func render(t *testing.T, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageHoldsTheWholeCase(t *testing.T) {
	for name, r := range map[string]Report{
		"two files": twoFiles(), "crash": crash(), "servers": servers(), "calls": calls(),
	} {
		got := render(t, r)
		if n := strings.Count(got, "<tr id="); n != len(r.Events)+1 {
			t.Errorf("%s: %d rows, want one for the start and each of %d steps", name, n, len(r.Events))
		}
		if n := strings.Count(got, " moves\">"); n != len(r.Events) {
			t.Errorf("%s: %d cells with a step, want %d", name, n, len(r.Events))
		}
		broken := fmt.Sprintf(`<tr id="s%d" class="broken`, r.Verdict.Event+1)
		if !strings.Contains(got, broken) {
			t.Errorf("%s: no %s", name, broken)
		}
	}
}

func TestPageShowsBothHoldersAtOnce(t *testing.T) {
	got := render(t, twoFiles())
	row := got[strings.Index(got, `<tr id="s13"`):strings.Index(got, `<tr id="s14"`)]
	for _, want := range []string{
		`data-lock="[1] b, [2] a"`,
		`<td class="track orphan c1">`,
		`<td class="track named c0"><span>a</span>`,
	} {
		if !strings.Contains(row, want) {
			t.Errorf("step 13 has no %s:\n%s", want, row)
		}
	}
}

func TestNothingInACaseBecomesMarkup(t *testing.T) {
	const evil = `"'><script>evil()</script>`
	r := Report{
		Case: race.Case{
			Title: evil, Tier: evil, Target: evil, Rules: evil,
			Files:  []race.File{{Name: race.PIDFile, Kind: race.Regular, Content: evil}},
			Actors: []race.Actor{{Name: evil, Script: []string{evil}}},
		},
		Events: []race.Event{{
			Step:   race.Step{Actor: evil, Op: evil, Result: evil},
			Detail: evil, File: evil, Lock: evil, Orphans: "2 " + evil,
		}},
		Verdict: race.Verdict{Invariant: race.OneHolder, Reason: evil},
		Replay:  evil,
	}
	got := render(t, r)
	if n := strings.Count(got, "<script"); n != 1 {
		t.Errorf("%d script elements, want the page's own", n)
	}
	// An unescaped quote would end the attribute that it stands in.
	if strings.Contains(got, evil[:3]) {
		t.Errorf("a value stands in the page unescaped")
	}
}

func TestPageLoadsNothing(t *testing.T) {
	got := render(t, servers())
	if !strings.Contains(got, `content="default-src 'none';`) {
		t.Error("no content security policy")
	}
	if found := regexp.MustCompile(`(?i)\b(src|action|srcset)=|href="[^#]|url\(|@import|https?:`).FindString(got); found != "" {
		t.Errorf("the page refers to something outside: %s", found)
	}
}

func TestPageOfALongCaseStaysSmall(t *testing.T) {
	r := servers()
	for len(r.Events) < 2000 {
		e := r.Events[len(r.Events)%19]
		e.Time = time.Duration(len(r.Events)) * time.Millisecond
		r.Events = append(r.Events, e)
	}
	if size := len(render(t, r)); size > 3<<20 {
		t.Errorf("the page of 2000 steps has %d bytes, want at most 3 MiB", size)
	}
}
