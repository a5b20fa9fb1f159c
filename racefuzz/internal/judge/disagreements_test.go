package judge

// Proves that one event is judged alike however it is told: by who sees every
// step, by who stops programs at their system calls, and by who sees processes
// from outside. Each row was once judged differently by two of them; its reason
// is in docs/systems.md.

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

var (
	// steps is what a protocol promises of which every step is seen.
	steps = Promise{Content: "{pid}\n", Tidy: true, Sequel: true, PIDFile: race.PIDFile, Linear: new(Histories)}
	// calls is what was learned of a program that is stopped at its calls.
	calls = Promise{Content: "{pid}\n", Masked: true, Program: true, PIDFile: race.PIDFile}
	// outside is what a server promises that is seen from outside.
	outside = Promise{Content: "{pid}\n", Tidy: true, PIDFile: race.PIDFile, Found: File{Object: Hidden}}
)

// telling is one way to put down what happens.
type telling struct {
	promise Promise
	facts   string
}

// names are the actors of tellings; their pids are 101, 102 and so on, and each
// has the window of its number.
var names = []string{"a", "b", "c", "d"}

// words are the facts of tellings.
var words = map[string]Kind{
	"begins": Begins, "visits": Visits, "tries": Tries, "locks": Locks, "unlocks": Unlocks, "serves": Serves, "stands": Stands, "wakes": Wakes,
	"told": Told, "ends": Ends, "crashes": Crashes, "fails": Fails, "changes": Changes, "robs": Robs, "looks": Looks, "saw": Saw, "emptied": Emptied,
	"asks": Asks, "answers": Answers, "heard": Heard, "idles": Idles, "remains": Remains, "removes": Removes, "misses": Misses, "clobbers": Clobbers,
	"lingers": Lingers, "returns": Returns, "endless": Endless, "exhausted": Exhausted,
}

// tell puts facts down, a line each: who, what, and what else there is to it.
//
//	a changes 1 "101\n"     the file that is the first, with that content
//	b answers held 101
//	b ends refused
func tell(t *testing.T, w telling) race.Verdict {
	t.Helper()
	j := New(w.promise, names)
	for i, text := range strings.Split(strings.TrimSpace(strings.ReplaceAll(w.facts, ";", "\n")), "\n") {
		who, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
		word, more, _ := strings.Cut(rest, " ")
		f := Fact{Kind: words[word], Who: int(who[0] - 'a'), Event: i}
		if f.Kind == None {
			t.Fatalf("%q is no fact", text)
		}
		f.Name, f.PID, f.Window = names[f.Who], 101+f.Who, f.Who+1
		f.read(t, more)
		j.See(f)
		j.Verdict()
	}
	return j.Verdict()
}

// read reads what else there is to a fact.
func (f *Fact) read(t *testing.T, text string) {
	t.Helper()
	switch f.Kind {
	case Locks, Unlocks:
		f.Object, _ = strconv.Atoi(text)
	case Changes, Robs, Saw:
		text, f.File.Removed = strings.CutSuffix(text, " removed")
		number, content, there := strings.Cut(text, " ")
		f.File.Object, _ = strconv.Atoi(number)
		if f.File.Readable = there; there {
			var err error
			if f.File.Content, err = strconv.Unquote(content); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	case Answers:
		f.State = map[string]State{"nobody": Nobody, "held": Held}[strings.Fields(text + " -")[0]]
		_, err := fmt.Sscanf(text, "held %d", &f.PID)
		if err != nil {
			f.PID = 0
		}
	case Heard:
		f.State = map[string]State{"lost": Lost, "held": Held}[text]
	case Serves:
		if text != "since" {
			f.Window = 0
		}
	case Ends:
		if f.State, f.Said = Held, text; text == "failing" {
			f.State, f.Failed = Unknown, true
		}
	case Stands, Lingers:
		f.Open = text != "idly"
	case Remains:
		f.Name, f.Window = text, 0
	default:
		f.Said = text
	}
}

func TestDisagreements(t *testing.T) {
	stale := func(p Promise) Promise {
		p.Found, p.Left = File{Object: 1, Content: "34567\n", Readable: true}, true
		if p.Tidy && !p.Sequel {
			p.Found.Object = Hidden
		}
		return p
	}
	standby := func(p Promise) Promise { p.Standby = true; return p }
	for _, row := range []struct {
		name     string
		want     race.Invariant
		tellings []telling
	}{
		{"a lone start is refused", race.LoneStartsSucceed, []telling{
			{steps, "a begins; a ends refused"},
			{calls, "a begins; a ends"},
			{outside, "a begins; a ends"},
		}},
		{"a lone start is refused after a crash", race.CrashesAreTakenOver, []telling{
			{steps, "a begins; a serves; a crashes; b begins; b ends refused"},
			{calls, `a begins; a changes 1 "{a}\n"; a serves; a crashes; b begins; b ends`},
			{outside, "a begins; a serves; a told; a crashes; b begins; b ends"},
		}},
		{"a lone start is refused by a dead one's file", race.CrashesAreTakenOver, []telling{
			{stale(steps), "a begins; a ends refused"},
			{stale(calls), "a begins; a ends"},
			{stale(outside), "a begins; a ends"},
		}},
		{"a lone start is refused while a probe looks", race.LoneStartsSucceed, []telling{
			{steps, "b asks; a begins; a ends refused"},
			{calls, "b asks; a begins; a ends"},
			{outside, "b asks; a begins; a ends"},
		}},
		{"a lone start is refused by a dead one's file while a probe looks", race.CrashesAreTakenOver, []telling{
			{stale(steps), "b asks; a begins; a ends refused"},
			{stale(calls), "b asks; a begins; a ends"},
			{stale(outside), "b asks; a begins; a ends"},
		}},
		{"a lone start is refused by a probe's lock, where there was a dead one's file", race.LoneStartsSucceed, []telling{
			{stale(steps), "b asks; b locks 1; a begins; a ends refused"},
			{stale(calls), "b asks; b locks 0; a begins; a ends"},
		}},
		{"two starts refuse each other", race.LoneStartsSucceed, []telling{
			{steps, "a begins; b begins; a tries; b tries; a locks 1; b locks 2; a unlocks 1; b unlocks 2; a ends refused; b ends refused"},
			{calls, "a begins; b begins; a ends; b ends"},
			{outside, "a begins; b begins; a ends; b ends"},
		}},
		{"a start is refused by one whose call was made to fail", "", []telling{
			{steps, "a begins; b begins; a fails; b ends refused; a ends failing"},
			{calls, "a begins; b begins; a fails; b ends; a ends failing"},
		}},
		{"a start begins and ends within one step", race.CrashesAreTakenOver, []telling{
			{stale(steps), "a begins; a ends refused"},
			{stale(calls), "a begins; a ends"},
			{stale(outside), "a begins; a ends"},
		}},
		{"another file is put over the holder's", race.OnlyTheHolderChanges, []telling{
			{steps, `a begins; a tries; a locks 1; a changes 1 "101\n"; a serves; b begins; b changes 2 "102\n"`},
			{calls, `a begins; a changes 1 "{a}\n"; a serves; b begins; b changes 2 "{b}\n"`},
			{outside, `a begins; a serves; c looks; c saw 1 "101\n"; b begins; c looks; c saw 2 "102\n"`},
		}},
		{"the holder's file is removed", race.OnlyTheHolderChanges, []telling{
			{steps, `a begins; a tries; a locks 1; a changes 1 "101\n"; a serves; b begins; b changes 0`},
			{calls, `a begins; a changes 1 "{a}\n"; a serves; b begins; b changes 0`},
			{outside, `a begins; a serves; c looks; c saw 0`},
		}},
		{"the holder's file is written over", race.ReadersFindTheHolder, []telling{
			{steps, `a begins; a tries; a locks 1; a changes 1 "101\n"; a serves; b begins; b changes 1 "102\n"`},
			{calls, `a begins; a changes 1 "{a}\n"; a serves; b begins; b changes 1 "{b}\n"`},
			{outside, `a begins; a serves; c looks; c saw 1 "101\n"; b begins; c looks; c saw 1 "102\n"`},
		}},
		{"the rest of an old pid stays behind the holder's", race.CrashesAreTakenOver, []telling{
			{stale(steps), `a begins; a changes 1 "101\n7\n"; a serves`},
			{stale(calls), `a begins; a changes 1 "{a}\n7\n"; a serves`},
			{stale(outside), `a begins; a serves; c looks; c saw 1 "101\n7\n"`},
		}},
		{"a dead one's file is emptied before the own pid is written", race.ReadersFindTheHolder, []telling{
			{stale(steps), `a begins; a changes 1 ""`},
			{stale(calls), `a begins; a changes 1 ""`},
		}},
		{"half of the own pid is written over a dead one's", "", []telling{
			{stale(steps), `a begins; a changes 1 "10567\n"; a changes 1 "101\n"; a serves`},
			{stale(calls), `a begins; a changes 1 "10567\n"; a changes 1 "{a}\n"; a serves`},
		}},
		{"a server lives, and nobody is recorded", race.AServerSucceeds, []telling{
			{steps, `a begins; a tries; a locks 1; a changes 1 "101\n"; a serves; a looks; b robs 0; a heard held`},
			{standby(calls), `a begins; a stands; a idles`},
			{standby(calls), `a begins; a stands; a wakes; a stands`},
			{outside, `a begins; a stands; a idles 2s`},
		}},
		{"a crash leaves the file, and the next stops in order and leaves it as well", race.NothingRemains, []telling{
			{steps, `a begins; a changes 1 "101\n"; a serves; a crashes; b begins; b changes 1 "102\n"; b serves; b told; b ends; c remains server.pid`},
			{calls, `a begins; a changes 1 "{a}\n"; a serves; a crashes; b begins; b changes 1 "{b}\n"; b serves; b told; b ends; c remains server.pid`},
			{outside, `a begins; a serves; a told; a crashes; b begins; b serves; b told; b ends; c remains server.pid`},
		}},
		{"a crash leaves the file, and nobody comes", "", []telling{
			{steps, `a begins; a changes 1 "101\n"; a serves; a crashes; c remains server.pid`},
			{calls, `a begins; a changes 1 "{a}\n"; a serves; a crashes; c remains server.pid`},
			{outside, `a begins; a serves; a told; a crashes; c remains server.pid`},
		}},
		{"an operator has removed the file, and the file is left", "", []telling{
			{steps, `a begins; a changes 1 "101\n"; a serves; b robs 0; a told; a changes 2 ""; a ends; c remains server.pid`},
			{calls, `a begins; a changes 1 "{a}\n"; a serves; b robs 0; a told; a changes 2 ""; a ends; c remains server.pid`},
		}},
		{"a probe names a start that has not got the lock", race.ProbesTellTheTruth, []telling{
			{steps, `a begins; a tries; b asks; b answers held 101`},
			{calls, `a begins; a tries; b asks; b answers held 101`},
			{outside, `a begins; a stands idly; b asks; b answers held 101`},
		}},
		{"a start serves on what is no pid file", race.NothingIsClobbered, []telling{
			{odd(steps), `a begins; a serves`},
			{odd(calls), `a begins; a serves`},
			{odd(outside), `a begins; a serves`},
		}},
		{"a removed file keeps its name while others have it open", "", []telling{
			{steps, `a begins; a tries; a locks 1; a changes 1 "101\n"; a serves; a told; a changes 1 "101\n" removed; a fails; a ends failing`},
		}},
	} {
		for _, w := range row.tellings {
			if got := tell(t, w); got.Invariant != row.want {
				t.Errorf("%s:\n%s\n%v, want %q", row.name, w.facts, got, row.want)
			}
		}
	}
}

func TestProgramsThatWaitForEver(t *testing.T) {
	left := calls
	left.Found, left.Left = File{Object: 1, Content: "34567\n", Readable: true}, true
	for facts, want := range map[string]race.Invariant{
		"a begins; b begins; a exhausted":                                                                   race.LoneStartsSucceed,
		"a begins; a serves; a told; b begins; a ends; b exhausted":                                         race.LoneStartsSucceed,
		"a begins; a crashes; b begins; b exhausted":                                                        race.CrashesAreTakenOver,
		"a begins; a serves; b begins; b exhausted":                                                         "",
		"a begins; a crashes; b lingers; b begins; b exhausted":                                             "",
		"a begins; a fails; a exhausted":                                                                    "",
		`a begins; a changes 1 "{a}\n"; a serves`:                                                           "",
		`a begins; a changes 1 "{a gone}\n"; a serves`:                                                      race.ReadersFindTheHolder,
		`a begins; a changes 1 "{a.1}\n"; a serves; b begins; b exhausted`:                                  "",
		`a begins; a changes 1 "{a}\n"; a changes 1 "{a gone}\n"; a changes 1 "{a.1}\n"; a serves`:          "",
		`a begins; a changes 1 "{a}\n"; a serves; a told; a ends; b begins; b tries; a begins; b exhausted`: race.LoneStartsSucceed,
	} {
		p := calls
		if strings.Contains(facts, "changes") {
			p.Content = "{pid}\n"
		} else {
			p.Content = ""
		}
		if got := tell(t, telling{p, facts}); got.Invariant != want {
			t.Errorf("%s:\n%v, want %q", facts, got, want)
		}
	}
	if got := tell(t, telling{left, "a begins; b begins; a exhausted"}); got.Invariant != race.CrashesAreTakenOver {
		t.Errorf("with what a dead one left: %v, want %s", got, race.CrashesAreTakenOver)
	}
}

func odd(p Promise) Promise {
	p.Found, p.Odd = File{Object: 1}, true
	return p
}

func TestOfWhatOneMomentShowsTheForemostCounts(t *testing.T) {
	j := New(calls, names)
	for i, f := range []Fact{{Kind: Begins, PID: 101}, {Kind: Serves}, {Kind: Begins, Who: 1, PID: 102}, {Kind: Serves, Who: 1}} {
		f.Event = i
		j.See(f) // a serves without a file, and then b does as well
	}
	if v := j.Verdict(); v.Invariant != race.OneHolder || v.Event != 3 {
		t.Errorf("%v at event %d, want %s at 3", v, v.Event, race.OneHolder)
	}
	j = New(calls, names)
	for _, f := range []Fact{{Kind: Begins, PID: 101}, {Kind: Serves}, {Kind: Begins, Who: 1, PID: 102}, {Kind: Serves, Who: 1}} {
		j.See(f)
		j.Verdict()
	}
	if v := j.Verdict(); v.Invariant != race.ReadersFindTheHolder {
		t.Errorf("%v, though the other was there before", v)
	}
}
