package main

// Proves that each mode's manual fits on a screen and explains every flag that
// the mode has, and that old command lines still mean what they meant.

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestManualsFitOnAScreen(t *testing.T) {
	texts := map[string]string{"": overview}
	for _, m := range modes() {
		texts[m.name] = m.manual
	}
	for name, text := range texts {
		if n := strings.Count(text, "\n"); n > 40 || n < 24 && name != listMode {
			t.Errorf("the manual of %q has %d lines, want 24 to 40", name, n)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("the manual of %q has a line of %d columns: %s", name, n, line)
			}
		}
	}
}

func TestManualsExplainEveryFlag(t *testing.T) {
	for _, m := range modes() {
		words := strings.FieldsFunc(m.manual, func(r rune) bool { return strings.ContainsRune(" \n,;:.()", r) })
		newFlagSet(m.job()).VisitAll(func(f *flag.Flag) {
			if !slices.Contains(words, "-"+f.Name) && f.Usage != outdated {
				t.Errorf("the manual of %s does not explain -%s", m.name, f.Name)
			}
		})
	}
}

func TestOldCommandLinesMeanTheSame(t *testing.T) {
	for old, now := range map[string]string{
		"-n 3":                                  "-n 3",
		"-tier model -rules windows":            "protocol -rules windows",
		"-rules=windows --tier=model":           "protocol -rules=windows",
		"-tier kernel -target no-recheck":       "protocol -kernel -target no-recheck",
		"-tier syscall -actors 1":               "daemon -actors 1",
		"-tier syscall -- sh -tier model":       "daemon -- sh -tier model",
		"-tier process -n 4":                    "-n 4",
		"-procs 3 -tier process -- sh -c -list": "daemon -random -procs 3 -- sh -c -list",
		"-list":                                 "list",
		"-bench -tries 100":                     "exam -tries 100",
		"-bench -target no-recheck -q":          "exam no-recheck -q",
		"-replay x.txtar -html y -save z":       "replay x.txtar -html y",
		"-save z -replay=x.txtar":               "replay x.txtar",
		"daemon -- racefuzz -bench":             "daemon -- racefuzz -bench",
		"replay -list":                          "replay -list",
	} {
		got, err := modern(strings.Fields(old))
		if err != nil || strings.Join(got, " ") != now {
			t.Errorf("%q is now %q, %v; want %q", old, got, err, now)
		}
	}
	if _, err := modern([]string{"-tier", "frob"}); err == nil {
		t.Error("-tier frob is understood")
	}
}

func TestACommandLineIsShownSoThatItDoesTheSame(t *testing.T) {
	for args, want := range map[string]string{
		"-seed 7 -q":                                                  "racefuzz -n 200 -q -save x -seed 7",
		"protocol -seed 7 -faults 1 -preempt 3":                       "racefuzz protocol -preempt 3 -save x -seed 7",
		"-seed 7 -lenient -ready quiet -- sh -c {pidfile}":            "racefuzz daemon -may-empty -ready quiet -save x -seed 7 -- sh -c '{pidfile}'",
		"daemon -seed 7 -file main.go -file mode.go -no-stale -- a b": "racefuzz daemon -file main.go -file mode.go -no-stale -save x -seed 7 -- a b",
		"replay ../testdata/races/no-recheck.txtar -v":                "racefuzz replay -v ../testdata/races/no-recheck.txtar",
		"exam -tries 5 no-recheck":                                    "racefuzz exam -tries 5 no-recheck",
	} {
		words := strings.Fields(args)
		if slices.Contains(words, "-seed") {
			i := slices.Index(words, "-seed")
			words = slices.Insert(words, i, "-save", "x")
		}
		p, err := parse(words)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if got := p.line(); got != want {
			t.Errorf("%s is shown as\n%s, want\n%s", args, got, want)
		}
	}
}
