package proc

// Proves that what is drawn can be played and played again, that what is
// shrunk stays playable and gets smaller, and that actors meet.

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestDrawnCasesArePlayableAndTheSameAgain(t *testing.T) {
	servers := map[int]bool{}
	for seed := range uint64(300) {
		c := Draw("memlatch", seed, 4)
		if err := check(c); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if again := Draw("memlatch", seed, 4); !reflect.DeepEqual(c, again) {
			t.Fatalf("seed %d draws %v and %v", seed, c, again)
		}
		if err := place(c, t.TempDir(), 1, 2); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		n := 0
		for _, a := range c.Actors {
			if len(a.Name) == 1 {
				n++
			}
		}
		servers[n] = true
	}
	if want := map[int]bool{2: true, 3: true, 4: true}; !reflect.DeepEqual(servers, want) {
		t.Errorf("numbers of servers drawn: %v, want %v", servers, want)
	}
}

func TestDrawnCasesSurviveBeingSaved(t *testing.T) {
	for seed := range uint64(100) {
		want := Draw("memlatch", seed, 4)
		want.Title, want.Target = "A case.", "memlatch"
		saved, err := race.ParseRecording(race.Recording{Case: want}.Format())
		if err != nil {
			t.Fatal(err)
		}
		got := saved.Case
		for _, c := range []*race.Case{&got, &want} { // an empty script is no script
			for i := range c.Actors {
				if len(c.Actors[i].Script) == 0 {
					c.Actors[i].Script = nil
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d was saved as\n%v\nnot\n%v", seed, got, want)
		}
	}
}

func TestReductionsAreSmallerAndPlayable(t *testing.T) {
	size := func(c race.Case) int {
		n := len(c.Files) + len(c.Options)
		for _, a := range c.Actors {
			n += 1 + len(a.Script)
		}
		return n
	}
	for seed := range uint64(20) {
		c := Draw("memlatch", seed, 3)
		for len(reductions(c)) > 0 {
			all := reductions(c)
			for _, smaller := range all {
				if err := check(smaller); err != nil {
					t.Fatal(err)
				}
				if size(smaller) >= size(c) {
					t.Fatalf("%v is no smaller than %v", smaller, c)
				}
			}
			c = all[int(seed)%len(all)]
		}
		if len(c.Actors) > 0 {
			t.Errorf("%v cannot be reduced", c)
		}
	}
}

func TestUnknownWordsAreRefused(t *testing.T) {
	for _, script := range []string{"frobnicate", "wait=soon", "wait"} {
		if check(race.Case{Actors: []race.Actor{{Name: "a", Script: []string{script}}}}) == nil {
			t.Errorf("%q is accepted", script)
		}
	}
}

func TestMeetingWaitsForAllWhoStillBelong(t *testing.T) {
	meets := race.Actor{Script: []string{opMeet}}
	c := race.Case{Actors: []race.Actor{meets, meets, {Name: "c"}}}
	c.Actors[0].Name, c.Actors[1].Name = "a", "b"
	m := newMeeting(c)
	m.leave("c") // was never a member
	first := m.come()
	if isClosed(first) {
		t.Fatal("a went on without b")
	}
	if second := m.come(); !isClosed(first) || !isClosed(second) {
		t.Fatal("a and b have come and do not go on")
	}
	third := m.come()
	m.leave("b")
	if !isClosed(third) {
		t.Fatal("a waits for b, who has left")
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestPulseLeavesOutWhatDoesNotCount(t *testing.T) {
	p := newPulse()
	defer p.close()
	done := make(chan struct{})
	if p.within(3*beat, done, nil) {
		t.Error("what never comes has come")
	}
	asked := 0
	start := time.Now()
	p.within(3*beat, done, func() bool { asked++; return asked > 10 })
	if took := time.Since(start); asked < 12 || took < 10*beat {
		t.Errorf("over after %d beats, %v", asked, took)
	}
	close(done)
	if !p.within(0, done, nil) {
		t.Error("what has come has not")
	}
}

func TestClobberedFilesAreFound(t *testing.T) {
	link := race.Case{Files: []race.File{
		{Name: race.PIDFile, Kind: race.Link, Content: "precious"},
		{Name: "precious", Kind: race.Regular, Content: "not to be lost\n"},
	}}
	dangling := race.Case{Files: []race.File{{Name: race.PIDFile, Kind: race.Link, Content: "elsewhere"}}}
	fifo := race.Case{Files: []race.File{{Name: race.PIDFile, Kind: race.FIFO}}}
	for _, tt := range []struct {
		name string
		c    race.Case
		do   func(dir string) error
		want string
	}{
		{"untouched", link, func(string) error { return nil }, ""},
		{"untouched fifo", fifo, func(string) error { return nil }, ""},
		{"overwritten", link, func(dir string) error { return os.WriteFile(filepath.Join(dir, "precious"), []byte("42\n"), 0o600) }, `precious became "42\n"`},
		{"removed", link, func(dir string) error { return os.Remove(filepath.Join(dir, race.PIDFile)) }, `server.pid became "-"`},
		{"followed", dangling, func(dir string) error { return os.WriteFile(filepath.Join(dir, "elsewhere"), nil, 0o600) }, "elsewhere was made through"},
		{"replaced", fifo, func(dir string) error {
			return os.Rename(filepath.Join(dir, race.PIDFile), filepath.Join(dir, "x"))
		}, `server.pid became "-"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := place(tt.c, dir, 1, 2); err != nil || peek(filepath.Join(dir, race.PIDFile)) == noFile {
				t.Skip("links or FIFOs are not made here: ", err)
			}
			if err := tt.do(dir); err != nil {
				t.Fatal(err)
			}
			if got := clobbered(tt.c, dir); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
