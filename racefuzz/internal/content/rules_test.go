package content

// Proves what is learned from serial orders that ran twice: which differences
// are noise, which lists are sets, which orders do not repeat themselves, and
// that nothing more than the noise is left out.

import (
	"errors"
	"slices"
	"testing"
)

func TestNoiseIsLearned(t *testing.T) {
	for _, c := range []struct {
		name                string
		first, again, other State // other has the noise of yet another run
		wrong               State // differs in more
		noise               []string
	}{
		{
			"a key of JSON", texts("c.json", `{"a":1,"time":100}`), texts("c.json", `{"a":1,"time":200}`),
			texts("c.json", `{"time":300,"a":1}`), texts("c.json", `{"a":2,"time":100}`), []string{"c.json: time"},
		},
		{
			"a token of a line", texts("log", "start\npid 4242 done\n"), texts("log", "start\npid 17 done\n"),
			texts("log", "start\npid 999 done\n"), texts("log", "start\npid 999 gone\n"), []string{"log, in part"},
		},
		{
			"a hash in a line", texts("log", "at deadbeef01 x\n"), texts("log", "at 0123abcdef x\n"),
			texts("log", "at 00000000ff x\n"), texts("log", "at 00000000ff y\n"), []string{"log, in part"},
		},
		{
			"digits of a name", texts("run.4242.log", "x\n"), texts("run.17.log", "x\n"),
			texts("run.9.log", "x\n"), texts("run.9.log", "y\n"), []string{"the name run.*.log"},
		},
		{
			"random letters of a name", texts("tmp.aB3dE9xQ1z", "x\n"), texts("tmp.ZZ8kk1oPqR", "x\n"),
			texts("tmp.0123456789", "x\n"), texts("tmp.012345", "x\n"), []string{"the name tmp.*"},
		},
		{
			"bytes", texts("index", "a\x00b"), texts("index", "a\x00c"), texts("index", "d\x00"), texts(), []string{"index"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := learn(t, twice("a", c.first, c.again))
			if !r.Equal(c.first, c.other) {
				t.Errorf("noise counts\n%s\n%s", r.Normal(c.first).Text(), r.Normal(c.other).Text())
			}
			if r.Equal(c.first, c.wrong) {
				t.Errorf("more than noise is left out\n%s", r.Normal(c.wrong).Text())
			}
			if got := r.Noise(); !slices.Equal(got, c.noise) {
				t.Errorf("told as %q, want %q", got, c.noise)
			}
		})
	}
}

func TestANamePatternLeavesStableNamesAlone(t *testing.T) {
	r := learn(t, twice("a", texts("Xy3kPq9Z", "x\n", "settings", "x\n"), texts("8kk1oPqR", "x\n", "settings", "x\n")))
	if r.Equal(texts("Xy3kPq9Z", "x\n", "settings", "x\n"), texts("Xy3kPq9Z", "x\n", "8kk1oPqR", "x\n")) {
		t.Error("a file that always has the same name is taken for one with a random name")
	}
}

// That two runs agree may be chance.
func TestANumberDrawnTwiceIsNoise(t *testing.T) {
	r := learn(t, twice("a", texts("day", "on 3\n"), texts("day", "on 5\n")), repeated("b", texts("day", "on 0\n")))
	if !r.Equal(texts("day", "on 0\n"), texts("day", "on 6\n")) {
		t.Error("what one order drew twice counts")
	}
	r = learn(t, twice("a", texts("log", "end 3\n"), texts("log", "end 5\n")), repeated("b", texts("log", "end 0\nend\n")))
	if r.Equal(texts("log", "end 0\nend\n"), texts("log", "end 6\nend\n")) {
		t.Error("a line that lies at a place of its own is left out")
	}
}

func TestOrdersThatDoNotRepeatThemselves(t *testing.T) {
	for _, c := range []struct {
		name         string
		first, again State
		file, key    string
	}{
		{"a file", texts("a", "x\n"), texts(), "a", ""},
		{"another name", texts("alpha", "x\n"), texts("be", "x\n"), "be", ""},
		{"a key", texts("c.json", `{"a":1,"b":1}`), texts("c.json", `{"a":1}`), "c.json", "b"},
		{"the number of lines", texts("log", "x\ny\n"), texts("log", "x\n"), "log", "its lines"},
		{"a word of a line", texts("log", "x up\n"), texts("log", "x down\n"), "log", "its lines"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Learn([]Serial{twice("b a", c.first, c.again)}, nobody, nil)
			var unrepeatable *UnrepeatableError
			if !errors.As(err, &unrepeatable) || unrepeatable.Order != "b; a" || unrepeatable.File != c.file && unrepeatable.File != "alpha" || unrepeatable.Key != c.key {
				t.Errorf("got %v", err)
			}
			all := func(string) bool { return true }
			r, err := Learn([]Serial{twice("b a", c.first, c.again)}, all, nil)
			if err != nil || len(r.Noise()) == 0 || !r.Equal(c.first, c.again) {
				t.Errorf("a file that nobody else reads is not left out: %v", err)
			}
			if _, err := Learn([]Serial{twice("b a", c.first, c.again)}, nobody, []string{"*"}); err != nil {
				t.Errorf("what is ignored counts: %v", err)
			}
		})
	}
}

func TestAPrivateFileThatRepeatsItselfCounts(t *testing.T) {
	all := func(string) bool { return true }
	r, err := Learn([]Serial{repeated("a", texts("out", "x\n"))}, all, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Equal(texts("out", "x\n"), texts("out", "y\n")) {
		t.Error("a file that is always the same is left out")
	}
}

func TestListsThatOrdersOnlyPermuteAreSets(t *testing.T) {
	serials := []Serial{repeated("a b", texts("log", "a\nb\n", "c.json", `{"l":["a","b"]}`)), repeated("b a", texts("log", "b\na\n", "c.json", `{"l":["b","a"]}`))}
	r := learn(t, serials...)
	for _, s := range []State{texts("log", "a\nb\n", "c.json", `{"l":["b","a"]}`), texts("log", "b\na\n", "c.json", `{"l":["a","b"]}`)} {
		if !r.Equal(s, serials[0].First) || !r.Equal(s, serials[1].First) {
			t.Error("the order of a set counts")
		}
	}
	if r.Equal(texts("log", "a\na\n", "c.json", `{"l":["a","b"]}`), serials[0].First) {
		t.Error("a set with a line twice and one lost is the same")
	}
	fixed := learn(t, repeated("a b", texts("log", "a\nb\n")), repeated("b a", texts("log", "a\nb\n")))
	if fixed.Equal(texts("log", "a\nb\n"), texts("log", "b\na\n")) {
		t.Error("lines that no order permutes are a set")
	}
}

func TestAnOrderOfOtherCommandsMakesNoSet(t *testing.T) {
	r := learn(t, repeated("a", texts("log", "x\ny\n")), repeated("b", texts("log", "y\nx\n")))
	if r.Equal(texts("log", "x\ny\n"), texts("log", "y\nx\n")) {
		t.Error("what different commands leave is taken for the orders of one set")
	}
}
