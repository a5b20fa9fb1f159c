package report

// Proves that lanes read as the golden files say, that no line leaves the
// page and that nothing in a case can break the columns.

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, wants := strings.Split(string(got), "\n"), strings.Split(strings.ReplaceAll(string(want), "\r\n", "\n"), "\n")
	for i := range max(len(lines), len(wants)) {
		if i >= len(lines) || i >= len(wants) || lines[i] != wants[i] {
			t.Errorf("%s:%d: not as recorded, got\n%s", file, i+1, strings.Join(lines[i:], "\n"))
			return
		}
	}
}

func TestLanesReadAsRecorded(t *testing.T) {
	for name, r := range map[string]Report{
		"two-files.txt": twoFiles(),
		"crash.txt":     crash(),
		"servers.txt":   servers(),
		"calls.txt":     calls(),
	} {
		var b bytes.Buffer
		if err := Lanes(&b, r); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

func TestEveryLockIsShown(t *testing.T) {
	r := twoFiles()
	r.Events = r.Events[:14]
	r.Events[13].Orphans = "1 b c (shared)"
	var b bytes.Buffer
	if err := Lanes(&b, r); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`   14  write: ok                #              [2] 101  [1] b c (shared),`,
		`       #                        #                       [2] a`,
	}
	if !strings.Contains(b.String(), strings.Join(want, "\n")+"\n") {
		t.Errorf("got\n%s\nwithout\n%s", b.String(), strings.Join(want, "\n"))
	}
}

func TestLanesNeverLeaveThePage(t *testing.T) {
	word := rapid.OneOf(rapid.StringMatching(`[a-z]{1,8}`), rapid.StringN(1, 60, -1))
	text := rapid.OneOf(rapid.Just(""), word, rapid.StringMatching(`(/?[a-zA-Z|_.]{1,30} ?){1,12}`))
	actor := rapid.Custom(func(t *rapid.T) race.Actor {
		return race.Actor{Name: word.Draw(t, "name"), Script: rapid.SliceOfN(word, 0, 6).Draw(t, "script")}
	})
	event := rapid.Custom(func(t *rapid.T) race.Event {
		return race.Event{
			Step:    race.Step{Actor: word.Draw(t, "actor"), Op: word.Draw(t, "op"), Result: text.Draw(t, "result")},
			Detail:  text.Draw(t, "detail"),
			Time:    time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "time")),
			File:    rapid.OneOf(rapid.Just("-"), text).Draw(t, "file"),
			Lock:    text.Draw(t, "lock"),
			Inode:   rapid.IntRange(0, 3).Draw(t, "inode"),
			Orphans: rapid.OneOf(rapid.Just(""), rapid.Just("1 a"), text).Draw(t, "orphans"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		r := Report{
			Case:     race.Case{Actors: rapid.SliceOfN(actor, 0, 40).Draw(t, "actors")},
			Events:   rapid.SliceOfN(event, 0, 12).Draw(t, "events"),
			Verdict:  race.Verdict{Invariant: race.OneHolder, Reason: text.Draw(t, "reason"), Event: rapid.IntRange(0, 12).Draw(t, "broken")},
			Critical: [2]int{rapid.IntRange(0, 12).Draw(t, "first"), rapid.IntRange(0, 12).Draw(t, "second")},
		}
		var b bytes.Buffer
		if err := Lanes(&b, r); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if len(line) > pageWidth || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("the line %q is too long or not plain:\n%s", line, b.String())
			}
		}
	})
}
