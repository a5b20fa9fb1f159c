package commands

// Proves that command lines are split as a shell does, and given to a shell only
// where they need one.

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestLinesAreSplitAsAShellDoes(t *testing.T) {
	needs(t, "sh")
	for _, c := range []struct {
		text  string
		words []string // nil: a shell runs it
	}{
		{`sh -c x`, []string{"sh", "-c", "x"}},
		{`  sh   'a b'  "c d" e\ f ''`, []string{"sh", "a b", "c d", "e f", ""}},
		{`sh a"b c"'d'`, []string{"sh", "ab cd"}},
		{`sh a=b --x=y`, []string{"sh", "a=b", "--x=y"}},
		{`sh '$HOME' "*"`, []string{"sh", "$HOME", "*"}},
		{`sh # a comment`, []string{"sh"}},
		{`sh {dir}/x a,b`, []string{"sh", "{dir}/x", "a,b"}}, {`sh {a,b}`, nil},
		{`sh a | sh b`, nil}, {`sh a >f`, nil}, {`sh a && sh b`, nil}, {`sh a; sh b`, nil}, {`sh $HOME`, nil}, {`sh "$HOME"`, nil}, {`sh $(x)`, nil},
		{`sh *.c`, nil}, {`sh ~/x`, nil}, {`X=1 sh`, nil}, {`cd x`, nil}, {`if true; then sh; fi`, nil}, {`sh &`, nil}, {`! sh`, nil}, {"sh <<E\nx\nE", nil},
	} {
		l, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		want := c.words
		if want == nil {
			want = []string{"sh", "-c", strings.TrimSpace(c.text)}
		}
		if !slices.Equal(l.Words, want) || l.Shell != (c.words == nil) {
			t.Errorf("%s: %q, want %q", c.text, l.Words, want)
		}
	}
}

func TestLinesThatCannotBeRun(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "is no command",
		"  # only a remark": "is no command",
		"sh 'a":             "cannot be read as a shell does",
		"sh a |":            "cannot be read as a shell does",
		"no-such-program x": "no-such-program",
	} {
		if l, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want an error with %q", text, l.Words, err, want)
		}
	}
}

func TestOnWindowsBackslashesAreThoseOfPaths(t *testing.T) {
	for text, want := range map[string][]string{
		`C:\Go\bin\go.exe env -w`:             {`C:\Go\bin\go.exe`, "env", "-w"},
		`"C:\Program Files\x" '\\host\a b' \`: {`C:\Program Files\x`, `\\host\a b`, `\`},
		`x "say \"a\"" "C:\dir\\" \"`:         {"x", `say "a"`, `C:\dir\`, `"`},
		`{dir}\x\*y`:                          nil, // a glob
	} {
		file, err := syntaxOf(text, true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if words, simple := plain(file); !slices.Equal(words, want) || simple != (want != nil) {
			t.Errorf("%s: %q, want %q", text, words, want)
		}
	}
}

func TestAShellThatIsNotThereIsSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Parse("echo a | sort")
	if want := `"echo a | sort" needs a shell, and there is no sh here`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"sh a", "a | b", "'", "$(", "a\\\nb", "a\x00b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := Parse(text); err == nil && len(l.Words) == 0 {
			t.Errorf("%q has no words", text)
		}
	})
}
