package content

// Proves the sentences: what was lost, whose it was, and what every order leaves
// instead.

import (
	"strings"
	"testing"
)

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		name               string
		none, a, b, ab, ba State
		got                State
		ran                string
		file, sentence     string
	}{
		{
			name: "a line", none: texts("env", "GOFLAGS=-v\n"), a: texts("env", "GOFLAGS=-v\nGOPROXY=off\n"), b: texts("env", "GOFLAGS=-v\nGOSUMDB=off\n"),
			ab: texts("env", "GOFLAGS=-v\nGOPROXY=off\nGOSUMDB=off\n"), ba: texts("env", "GOFLAGS=-v\nGOPROXY=off\nGOSUMDB=off\n"),
			got: texts("env", "GOFLAGS=-v\nGOPROXY=off\n"), file: "env",
			sentence: "b's GOSUMDB=off is gone: after a; b it is there, after b; a it is there",
		},
		{
			name: "a key", none: texts(), a: texts("c.json", `{"k1":1}`), b: texts("c.json", `{"k2":1}`),
			ab: texts("c.json", `{"k1":1,"k2":1}`), ba: texts("c.json", `{"k1":1,"k2":1}`), got: texts("c.json", `{"k2":1}`), file: "c.json",
			sentence: "a's k1 is gone from c.json: after a; b it is there, after b; a it is there",
		},
		{
			name: "all below a key", none: texts("c.toml", "x = 1\n"), a: texts("c.toml", "x = 1\n[s.a]\nc = 1\nd = 2\n"), b: texts("c.toml", "x = 1\n[s.b]\nc = 1\nd = 2\n"),
			ab: texts("c.toml", "x = 1\n[s.a]\nc = 1\nd = 2\n[s.b]\nc = 1\nd = 2\n"), ba: texts("c.toml", "x = 1\n[s.b]\nc = 1\nd = 2\n[s.a]\nc = 1\nd = 2\n"),
			got: texts("c.toml", "x = 1\n[s.a]\nc = 1\nd = 2\n"), file: "c.toml",
			sentence: "b's s.b is gone from c.toml: after a; b it is there, after b; a it is there",
		},
		{
			name: "an element of an array", none: texts("c.json", `{"l":[]}`), a: texts("c.json", `{"l":["a"]}`), b: texts("c.json", `{"l":["b"]}`),
			ab: texts("c.json", `{"l":["a","b"]}`), ba: texts("c.json", `{"l":["b","a"]}`), got: texts("c.json", `{"l":["b"]}`), file: "c.json",
			sentence: "a's a is gone from c.json: l: after a; b it is there, after b; a it is there",
		},
		{
			name: "a counter", none: texts("n", "0\n"), a: texts("n", "1\n"), b: texts("n", "1\n"), ab: texts("n", "2\n"), ba: texts("n", "2\n"), got: texts("n", "1\n"), file: "n",
			sentence: "n is 1: after a; b it is 2, after b; a it is 2",
		},
		{
			name: "a value of JSON", none: texts("c.json", `{"n":0}`), a: texts("c.json", `{"n":1}`), b: texts("c.json", `{"n":1}`),
			ab: texts("c.json", `{"n":2}`), ba: texts("c.json", `{"n":2}`), got: texts("c.json", `{"n":1}`), file: "c.json",
			sentence: "c.json: n is 1: after a; b it is 2, after b; a it is 2",
		},
		{
			name: "a file", none: texts(), a: texts("d/a", "x\n"), b: texts("d/b", "x\n"), ab: texts("d/a", "x\n", "d/b", "x\n"), ba: texts("d/a", "x\n", "d/b", "x\n"),
			got: texts("d/a", "x\n"), file: "d/b", sentence: "b's d/b is gone: after a; b it is there, after b; a it is there",
		},
		{
			name: "a torn file", none: texts("c.json", `{}`), a: texts("c.json", `{"a":1}`), b: texts("c.json", `{"b":1}`), ab: texts("c.json", `{"a":1,"b":1}`),
			ba: texts("c.json", `{"b":1,"a":1}`), got: texts("c.json", `{"a":1}}`), file: "c.json",
			sentence: "c.json is no JSON any more: hujson: line 1, column 8: invalid character '}' after top-level value: after a; b it can be read, after b; a it can be read",
		},
		{
			name: "a line twice", none: texts("p", "x\n"), a: texts("p", "x\ny\n"), b: texts("p", "x\ny\n"), ab: texts("p", "x\ny\n"), ba: texts("p", "x\ny\n"),
			got: texts("p", "x\ny\ny\n"), file: "p", sentence: "y is in p twice: after a; b it is not, after b; a it is not",
		},
		{
			name: "two files that do not agree", none: texts("x", "0\n", "y", "0\n"), a: texts("x", "a\n", "y", "a\n"), b: texts("x", "b\n", "y", "b\n"),
			ab: texts("x", "b\n", "y", "b\n"), ba: texts("x", "a\n", "y", "a\n"), got: texts("x", "a\n", "y", "b\n"), file: "x",
			sentence: "the files do not agree: not as after a; b: x is a, not as after b; a: y is b",
		},
		{
			name: "a failed one has left something", none: texts(), a: texts("f", "a\n"), b: texts("f", "b\n"), ab: texts("f", "b\n"), ba: texts("f", "a\n"),
			got: texts("f", "b\n"), ran: "a", file: "f", sentence: "f is b: after a it is a",
		},
		{
			name: "an order of lines", none: texts("l", ""), a: texts("l", "a1\na2\n"), b: texts("l", "b1\nb2\n"), ab: texts("l", "0\na1\na2\nb1\nb2\n"), ba: texts("l", "1\na1\na2\nb1\nb2\n"),
			got: texts("l", "0\na1\nb1\na2\nb2\n"), file: "l", sentence: "the files do not agree: not as after a; b: the order of a list, not as after b; a: l is 0",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var serials []Serial
			for order, s := range map[string]State{"": c.none, "a": c.a, "b": c.b, "a b": c.ab, "b a": c.ba} {
				serials = append(serials, repeated(order, s))
			}
			r := learn(t, serials...)
			var told []Told
			for _, order := range []string{"", "a", "b", "a b", "b a"} {
				for _, s := range serials {
					if strings.Join(s.Order, " ") == order {
						told = append(told, Told{s.Order, r.Normal(s.First)})
					}
				}
			}
			ran := "a b"
			if c.ran != "" {
				ran = c.ran
			}
			found := Explain(r.Normal(c.got), strings.Fields(ran), told)
			if len(found) == 0 {
				t.Fatal("nothing is wrong")
			}
			if found[0] != (Difference{c.file, c.sentence}) {
				t.Errorf("got  %q\nwant %q", found, Difference{c.file, c.sentence})
			}
			if again := Explain(r.Normal(c.ab), []string{"a", "b"}, told); len(again) != 0 {
				t.Errorf("a serial order is wrong: %q", again)
			}
		})
	}
}

func TestFilesBeyondThoseOfAnyOrder(t *testing.T) {
	r := learn(t, repeated("a", texts("f", "x\n")))
	extra, rest := r.Normal(texts("f", "x\n", "f.tmp", "y\n")).Beyond([]Normal{r.Normal(texts("f", "x\n"))})
	if len(extra) != 1 || extra[0] != "f.tmp" || rest.Text() != r.Normal(texts("f", "x\n")).Text() {
		t.Errorf("extra %q, rest %v", extra, rest)
	}
}
