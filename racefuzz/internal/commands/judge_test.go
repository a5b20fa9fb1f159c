package commands

// Proves the rules over facts: which ends are those of a serial order, which
// failures are refusals and which have had an effect, and what is refused
// before anything is tried.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// programs plays commands: each is a function that changes the place.
type programs []func(dir string) Ending

func (r programs) Run(_ context.Context, p *Place, who int, _ Line) (Ending, error) {
	return r[who](p.Dir), nil
}

func read(dir, name string) string {
	data, _ := os.ReadFile(filepath.Join(dir, name))
	return string(data)
}

// adds is a command that adds a line to a file, and fails if it is there.
func adds(t *testing.T, line string) func(string) Ending {
	return func(dir string) Ending {
		text := read(dir, "list")
		if strings.Contains(text, line) {
			return Ending{Exit: 1}
		}
		write(t, filepath.Join(dir, "list"), text+line+"\n")
		return Ending{}
	}
}

func known(t *testing.T, p *Place, r programs) *Known {
	t.Helper()
	orders, err := Serially(t.Context(), p, make([]Line, len(r)), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := Learn(p, orders, func(string) bool { return false }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestEndsAreThoseOfASerialOrder(t *testing.T) {
	p := newPlace(t, "list", "x\n")
	k := known(t, p, programs{adds(t, "one"), adds(t, "two")})
	ok, failed := Ending{}, Ending{Exit: 1}
	for _, c := range []struct {
		name  string
		list  string
		other string // a file beside it
		ends  []Ending
		rule  race.Invariant
		says  string
	}{
		{"a; b", "x\none\ntwo\n", "", []Ending{ok, ok}, "", "[] []"},
		{"b; a", "x\ntwo\none\n", "", []Ending{ok, ok}, "", "[] []"},
		{"one is lost", "x\ntwo\n", "", []Ending{ok, ok}, race.Serializable, "a's one is gone: after a; b it is there, after b; a it is there"},
		{"b is refused", "x\none\n", "", []Ending{ok, failed}, "", "[b, exit 1] []"},
		{"both are refused", "x\n", "", []Ending{failed, failed}, "", "[a, exit 1 b, exit 1] []"},
		{"b fails and has done it", "x\none\ntwo\n", "", []Ending{ok, failed}, race.FailuresChangeNothing, "b fails (exit 1), and yet all that it does is done"},
		{"b fails and has undone a", "x\n", "", []Ending{ok, failed}, race.FailuresChangeNothing, "b fails (exit 1), and yet a's one is gone: after a it is there"},
		{"a file is left", "x\none\ntwo\n", "list.tmp", []Ending{ok, ok}, "", "[] [list.tmp]"},
		{"a file is left, and one is lost", "x\ntwo\n", "list.tmp", []Ending{ok, ok}, race.Serializable, "a's one is gone: after a; b it is there, after b; a it is there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := p.Restore(); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(p.Dir, "list"), c.list)
			if c.other != "" {
				write(t, filepath.Join(p.Dir, c.other), "rest\n")
			}
			s, err := p.Snapshot(nil)
			if err != nil {
				t.Fatal(err)
			}
			w, err := k.Judge(c.ends, s)
			if err != nil {
				t.Fatal(err)
			}
			says := w.Reason
			if w.Rule == "" {
				says = fmt.Sprint(w.Refused, w.Left)
				says = strings.ReplaceAll(says, "][", "] [")
			}
			if w.Rule != c.rule || says != c.says {
				t.Errorf("%s: %s\nwant %s: %s", w.Rule, says, c.rule, c.says)
			}
		})
	}
}

func TestTheSameCommandTwiceFailsInEveryOrder(t *testing.T) {
	p := newPlace(t, "list", "x\n")
	k := known(t, p, programs{adds(t, "one"), adds(t, "one")})
	write(t, filepath.Join(p.Dir, "list"), "x\none\n")
	s, err := p.Snapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	if w, _ := k.Judge([]Ending{{}, {Exit: 1}}, s); w.Rule != "" || len(w.Refused) > 0 {
		t.Errorf("what happens in a serial order is %+v", w)
	}
	w, _ := k.Judge([]Ending{{}, {}}, s)
	if want := "b ends with exit 0: after a; b it is exit 1, after b; a it is exit 0"; w.Rule != race.Serializable || w.Reason != want {
		t.Errorf("both succeed: %s: %s\nwant %s", w.Rule, w.Reason, want)
	}
}

func TestThreeCommandsHaveAllTheirOrders(t *testing.T) {
	p := newPlace(t, "list", "x\n")
	orders, err := Serially(t.Context(), p, make([]Line, 3), programs{adds(t, "one"), adds(t, "two"), adds(t, "three")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range orders {
		names = append(names, o.String())
	}
	if len(names) != 16 || !slices.Contains(names, "c; a; b") || !slices.Contains(names, "b; c") || names[0] != "" {
		t.Errorf("%q", names)
	}
}

func TestBadUseIsRefusedWithARemedy(t *testing.T) {
	good := func(string) Ending { return Ending{} }
	for _, c := range []struct {
		end  Ending
		want string
	}{
		{Ending{Exit: 3, Said: "no config"}, `b (B) fails alone: exit 3, and it says "no config"`},
		{Ending{Exit: 139, Signal: "SIGSEGV"}, "b (B) fails alone: SIGSEGV"},
		{Ending{Waits: "input"}, "b (B) asks for input"},
		{Ending{Waits: "network"}, "b (B) waits for the network"},
		{Ending{Waits: "something"}, "b (B) does not end within 10s, alone as it is"},
	} {
		p := newPlace(t)
		_, err := Serially(t.Context(), p, []Line{{Text: "A"}, {Text: "B"}}, programs{good, func(string) Ending { return c.end }}, nil)
		var refusal *Refusal
		if c.end.Failed() && c.end.Waits == "" { // it fails after a as well, which is nothing wrong; alone it is
			if !errors.As(err, &refusal) || refusal.Reason != c.want || refusal.Remedy == "" {
				t.Errorf("%v, want %s", err, c.want)
			}
			continue
		}
		if !errors.As(err, &refusal) || refusal.Reason != c.want || refusal.Remedy == "" {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestAnOrderThatDoesNotRepeatItselfIsTold(t *testing.T) {
	var unrepeatable *Unrepeatable
	n := 0
	counts := func(dir string) Ending {
		n++
		write(t, filepath.Join(dir, "out"), strings.Repeat("line\n", n))
		return Ending{}
	}
	p := newPlace(t)
	orders, err := Serially(t.Context(), p, make([]Line, 2), programs{counts, adds(t, "one")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Learn(p, orders, func(string) bool { return false }, nil); !errors.As(err, &unrepeatable) || !strings.Contains(err.Error(), "did not leave the same in out: its lines") {
		t.Errorf("a file: %v", err)
	}
	ends := func(string) Ending { n++; return Ending{Exit: n % 100} }
	p = newPlace(t)
	if _, err := Serially(t.Context(), p, make([]Line, 2), programs{adds(t, "one"), func(dir string) Ending {
		if read(dir, "list") == "" {
			return Ending{}
		}
		return ends(dir)
	}}, nil); !errors.As(err, &unrepeatable) || !strings.Contains(err.Error(), "ended in two ways") {
		t.Errorf("an exit code: %v", err)
	}
}

func TestTheTwoRunsOfAnOrderAreApart(t *testing.T) {
	var at []time.Time
	p := newPlace(t)
	times := func(dir string) Ending {
		at = append(at, time.Now())
		write(t, filepath.Join(dir, "stamp"), fmt.Sprintf("made %d\n", time.Now().Unix()))
		return Ending{}
	}
	k := known(t, p, programs{times, adds(t, "one")})
	if len(at) != 4 || at[2].Sub(at[0]) <= time.Second {
		t.Errorf("run at %v", at)
	}
	if got := k.Rules.Noise(); !slices.Equal(got, []string{"stamp, in part"}) {
		t.Errorf("noise: %q", got)
	}
}

func TestARefusalIsAFindingToWhoIsStrict(t *testing.T) {
	p := newPlace(t)
	refused := func(dir string) Ending {
		if read(dir, "held") != "" {
			return Ending{Exit: 7}
		}
		return Ending{}
	}
	orders, err := Serially(t.Context(), p, make([]Line, 2), programs{refused, refused}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSet(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Place = p
	if s.Known, err = Learn(p, orders, ChangedByOne(orders), nil); err != nil {
		t.Fatal(err)
	}
	for strict, want := range map[bool]race.Invariant{false: "", true: race.NobodyIsRefused} {
		s.Strict = strict
		word, err := s.Judge([]Ending{{}, {Exit: 7}})
		if err != nil || word.Rule != want || strict && word.Reason != "b, exit 7, because the other runs" {
			t.Errorf("strict: %v: %v, %v", strict, word, err)
		}
	}
	if s.Refused["b, exit 7"] != 2 {
		t.Errorf("counted %v", s.Refused)
	}
}

func TestWhatOneOfThemChangesIsPrivate(t *testing.T) {
	p := newPlace(t)
	writes := func(names ...string) func(string) Ending {
		return func(dir string) Ending {
			for _, name := range names {
				write(t, filepath.Join(dir, name), fmt.Sprint(time.Now().UnixNano()))
			}
			return Ending{}
		}
	}
	orders, err := Serially(t.Context(), p, make([]Line, 2), programs{writes("own", "both"), writes("both")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	private := ChangedByOne(orders)
	if !private("own") || private("both") {
		t.Errorf("own is private: %v, both is: %v", private("own"), private("both"))
	}
}
