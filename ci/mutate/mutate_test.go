package main

// Proves that each operator changes what it says and nothing else, that every
// change of the real code is still code with a name of its own, and that the
// list of equivalents names what there is.

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const example = `package p

const limit = 3

func f(a, b bool, n int) (bool, error) {
	for i := 0; i < n; i++ {
		g()
		if a && b {
			return n != 0, errors.Join(g(), h())
		}
		switch n {
		case 1:
			n = 0
		}
	}
	for range n {
		h()
	}
	defer h()
	return false, nil
}
`

func TestOperatorsChangeWhatTheySay(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := parse(dir, "p.go")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range s.mutations(&suite{pkg: "p"}) {
		got = append(got, m.name+" "+m.change())
	}
	want := strings.Split(strings.TrimSpace(`
p.limit:constant:1 3 -> 0
p.f:drop:1 defer h() -> nothing
p.f:drop:2 g() -> nothing
p.f:drop:3 g(), -> nothing
p.f:drop:4 , h() -> nothing
p.f:drop:5 n = 0 -> nothing
p.f:drop:6 h() -> nothing
p.f:swap:1 g() -> if a && b { return n != 0, errors.Join(g(), h()) }, if a && b { return n != 0, errors.Join(g(), h()) } -> g()
p.f:swap:2 g() -> h(), h() -> g()
p.f:never:1 i < n -> (i < n) && false
p.f:never:2 a && b -> (a && b) && false
p.f:always:1 a && b -> (a && b) || true
p.f:negate:1 i < n -> !(i < n)
p.f:operand:1 a && b -> a
p.f:operand:2 a && b -> b
p.f:boundary:1 < -> <=
p.f:constant:1 0 -> 1
p.f:constant:2 0 -> 1
p.f:constant:3 1 -> 0
p.f:constant:4 0 -> 1
p.f:constant:5 false -> true
p.f:once:1 nothing -> break
p.f:once:2 nothing -> break
p.f:hoist:1 nothing -> g(), g() -> nothing
p.f:hoist:2 nothing -> g() if a && b { return n != 0, errors.Join(g(), h()) }, g() if a && b { return n != 0, errors.Join(g(), h()) } -> nothing
p.f:case:1 case 1: n = 0 -> nothing
p.f:error:1 errors.Join(g(), h()) -> nil
p.f:result:1 n != 0 -> true
p.f:result:2 n != 0 -> false
`), "\n")
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEveryChangeIsCodeWithANameOfItsOwn(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		all, err := everything(filepath.Join("..", ".."), system)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, m := range all {
			if names[m.name] {
				t.Errorf("%s: %s names two changes", system, m.name)
			}
			names[m.name] = true
			if _, err := parser.ParseFile(token.NewFileSet(), "", m.changed(), parser.SkipObjectResolution); err != nil {
				t.Errorf("%s: %s: %s: %v", system, m.name, m.change(), err)
			}
			if string(m.changed()) == string(m.source.bytes) {
				t.Errorf("%s: %s changes nothing", system, m.name)
			}
		}
		if system != "linux" {
			continue
		}
		known, err := equivalents()
		if err != nil {
			t.Fatal(err)
		}
		for name := range known {
			if !names[name] {
				t.Errorf("equivalents.txt: there is no change %s", name)
			}
		}
	}
}

func TestReasonIsTheMostTellingLine(t *testing.T) {
	for said, want := range map[string]string{
		"--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/b (0.0s)\n        a_test.go:1: no\nFAIL": "TestA/b",
		"goroutine 1\npanic: no\n\nmore":                                  "panic: no",
		"racefuzz\nI6: the probe of a finds stale (12 schedules, 0.1s)\n": "I6: the probe of a finds stale (12 schedules, 0.1s)",
		"nothing known\n": "nothing known",
	} {
		got := tail{[]byte(said)}
		if got.reason() != want {
			t.Errorf("%q: %q, want %q", said, got.reason(), want)
		}
	}
}
