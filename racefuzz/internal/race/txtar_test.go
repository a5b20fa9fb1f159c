package race

// Proves that a saved case says everything that is needed to run it again,
// and that what cannot be read is refused with the line that is wrong.

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRecordingSurvivesFormatting(t *testing.T) {
	word := rapid.StringMatching(`[a-z][a-z-]{0,8}`)
	file := rapid.Custom(func(t *rapid.T) File {
		f := File{
			Name: word.Draw(t, "name"),
			Kind: rapid.SampledFrom([]Kind{Regular, Config, Link, Dir, FIFO}).Draw(t, "kind"),
			Perm: rapid.SampledFrom([]uint32{0, 0o400, 0o666}).Draw(t, "perm"),
		}
		if f.Kind == Regular || f.Kind == Config || f.Kind == Link {
			f.Content = rapid.SampledFrom([]string{"", "\n", "12\n", "12", "no newline", "\x00\xff"}).Draw(t, "content")
		}
		return f
	})
	actor := rapid.Custom(func(t *rapid.T) Actor {
		return Actor{Name: word.Draw(t, "name"), Script: rapid.SliceOfN(word, 1, 4).Draw(t, "script")}
	})
	step := rapid.Custom(func(t *rapid.T) Step {
		return Step{Actor: word.Draw(t, "actor"), Op: word.Draw(t, "op"), Result: rapid.SampledFrom([]string{"", "ok", "refused", "4242"}).Draw(t, "result")}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := Recording{
			Case: Case{
				Title:   "A title.",
				Tier:    word.Draw(t, "tier"),
				Target:  word.Draw(t, "target"),
				Rules:   rapid.SampledFrom([]string{"", "posix", "windows"}).Draw(t, "rules"),
				Files:   rapid.SliceOfNDistinct(file, 1, 3, func(f File) string { return f.Name }).Draw(t, "files"),
				Actors:  rapid.SliceOfN(actor, 1, 3).Draw(t, "actors"),
				Command: rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "command"),
				Options: map[string]string{word.Draw(t, "option"): word.Draw(t, "value")},
			},
			Schedule: rapid.SliceOfN(step, 1, 5).Draw(t, "schedule"),
			Verdict:  rapid.SampledFrom([]Verdict{{}, {Invariant: OneHolder, Reason: "a and b both hold the file"}}).Draw(t, "verdict"),
		}
		got, err := ParseRecording(want.Format())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("read back:\n%#v\nwant:\n%#v\nfrom:\n%s", got, want, want.Format())
		}
	})
}

func TestUnreadableRecordingsAreRefused(t *testing.T) {
	good := "-- case --\ntier model\n-- schedule --\na open: ok\n-- verdict --\nI1: two holders\n"
	if _, err := ParseRecording([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{"two holders\n", "two hold", "was cut"},
		{"tier model", "format 1", "was cut"},
		{"-- schedule --", "-- shedule --", `no section "schedule"`},
		{"tier model", "teir model", `unknown word "teir"`},
		{"tier model", "file ../x", "not a name inside"},
		{"tier model", "file x 9z", "invalid syntax"},
		{"a open: ok", "open", "want ACTOR OP"},
		{"I1: two holders", "I77: two holders", "names no invariant"},
	} {
		_, err := ParseRecording([]byte(strings.Replace(good, tt.old, tt.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("with %q: error %v, want one with %q", tt.new, err, tt.want)
		}
	}
}

func TestARecordingThatWasCutIsRefused(t *testing.T) {
	r := Recording{
		Case:     Case{Title: "A title.", Tier: "model", Target: "no-recheck", Files: []File{{Name: PIDFile, Kind: Regular, Content: "12\n"}}, Actors: []Actor{{"a", []string{"acquire"}}}},
		Schedule: Schedule{{"a", "open", "ok"}},
		Verdict:  Verdict{Invariant: OneHolder, Reason: "a and b both hold the file"},
		Lanes:    "a\nopen: ok\n#  has a lock\n",
	}
	whole := r.Format()
	if _, err := ParseRecording(whole); err != nil {
		t.Fatal(err)
	}
	for end := range whole {
		if _, err := ParseRecording(whole[:end]); err == nil {
			t.Errorf("this is read as if it were whole:\n%s", whole[:end])
		}
	}
}
