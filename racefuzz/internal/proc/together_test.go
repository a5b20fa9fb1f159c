package proc

// Proves that commands which are started together begin at the moments that were
// drawn, are ended with all that they leave running when their time is over, when
// all have ended or when they are interrupted, and show the file that is wrong.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func init() {
	// Whoever never ends says who it is, whole.
	daemons["never ends"] = func(path string) int {
		os.WriteFile(path+".new", []byte(strconv.Itoa(os.Getpid())), 0o600)
		os.Rename(path+".new", path)
		time.Sleep(time.Hour)
		return 0
	}
	daemons["leaves one behind"] = func(path string) int {
		cmd := exec.Command(os.Args[0], "never ends", path)
		if cmd.Start() != nil {
			return 1
		}
		for {
			if _, err := os.Stat(path); err == nil {
				return 0
			}
		}
	}
	daemons["overwrites"] = func(path string) int {
		if os.WriteFile("file", []byte(path+"\n"), 0o600) != nil {
			return 1
		}
		return 0
	}
}

// commandsOf are commands in an arena of the test's: pairs of a name in daemons
// and an argument.
func commandsOf(t *testing.T, words ...string) *Commands {
	t.Helper()
	a, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := a.Commands()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(words, 2) {
		c.Lines = append(c.Lines, commands.Line{Text: pair[0], Words: append([]string{program}, pair...)})
	}
	c.alone = make([]time.Duration, len(c.Lines))
	if err := c.Place.Keep(); err != nil {
		t.Fatal(err)
	}
	return c
}

// live are the ids in files of the place, as soon as they are there and, on Windows,
// let go by who renamed them.
func live(t *testing.T, c *Commands, names ...string) (pids []int) {
	t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(c.Place.Dir, name))
		for began := time.Now(); err != nil && time.Since(began) < time.Minute; {
			text, err = os.ReadFile(filepath.Join(c.Place.Dir, name))
		}
		pid, notANumber := strconv.Atoi(string(text))
		if err := cmp.Or(err, notANumber); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func TestCommandsThatDoNotEndAreEnded(t *testing.T) {
	c := commandsOf(t, "never ends", "a", "never ends", "b")
	c.limit = 2 * time.Second
	o, err := c.try(t.Context(), DrawCommands(2, nil, 1))
	if want := "stuck: a and b do not come to an end"; err != nil || o.Verdict.String() != want {
		t.Fatalf("%s, %v, want %s", o.Verdict, err, want)
	}
	if last := o.Events[len(o.Events)-1]; len(o.Events) != 4 || last.Op != opExit || last.Result != "no end" || o.Verdict.Event != 3 {
		t.Errorf("the events are %v", o.Events)
	}
	for _, pid := range live(t, c, "a", "b") {
		if !gone(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
}

func TestCommandsThatAreInterruptedAreEnded(t *testing.T) {
	c := commandsOf(t, "never ends", "a", "never ends", "b")
	c.limit = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() {
		_, err := c.try(ctx, DrawCommands(2, nil, 1))
		over <- err
	}()
	pids := live(t, c, "a", "b")
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
}

func TestWhatCommandsLeaveRunningIsEnded(t *testing.T) {
	c := commandsOf(t, "leaves one behind", "a")
	end, err := c.Run(t.Context(), c.Place, 0, c.Lines[0])
	if err != nil || end.Failed() {
		t.Fatal(end, err)
	}
	if pid := live(t, c, "a")[0]; !gone(pid) {
		t.Errorf("process %d lives on", pid)
	}
	if c.alone[0] == 0 {
		t.Error("it is not known how long it takes")
	}
}

func TestTheFileThatIsWrongIsShown(t *testing.T) {
	c := commandsOf(t, "overwrites", "one")
	if err := os.WriteFile(filepath.Join(c.Place.Dir, "file"), []byte("zero\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Place.Keep(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"file", ""} {
		r := c.attempt()
		r.file = file
		if err := r.run(t.Context(), []int{0}, make([]time.Duration, 1)); err != nil {
			t.Fatal(err)
		}
		if file == "" {
			if err := r.lookBack("file"); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := fmt.Sprintf("%q %q", r.events[0].File, r.events[1].File), `"zero\n" "one\n"`; got != want {
			t.Errorf("known before: %v: %s, want %s", file != "", got, want)
		}
		if err := c.Place.Restore(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDelaysAreSharesOfWhatTheOthersTake(t *testing.T) {
	c := &Commands{alone: []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 200 * time.Millisecond}}
	c.Lines = make([]commands.Line, 3)
	of := func(scripts ...string) (made race.Case) {
		for _, s := range scripts {
			made.Actors = append(made.Actors, race.Actor{Script: strings.Fields(s)})
		}
		return made
	}
	got, err := c.delays(of("wait=50% start", "start", "wait=100.0% start"))
	if want := []time.Duration{150 * time.Millisecond, 0, 300 * time.Millisecond}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "wait=1%", "wait=x% start", "wait=-1% start", "wait=101% start", "wait=NaN% start", "1% start", "start start", "wait=1% wait=1% start", "kill"} {
		if got, err := c.delays(of("start", "start", bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if _, err := c.delays(of("start")); err == nil {
		t.Error("one actor for three commands")
	}
	at := map[string]int{}
	for seed := range uint64(200) {
		drawn := DrawCommands(3, map[string]string{"line.a": `"x"`}, seed)
		if _, err := c.delays(drawn); err != nil || drawn.Options["line.a"] != `"x"` || drawn.Tier != Tier {
			t.Fatalf("seed %d: %v, %v", seed, drawn, err)
		}
		for _, a := range drawn.Actors {
			at[a.Script[0]]++
		}
	}
	if at[opStart] < 300 || len(at) < 100 {
		t.Errorf("%d of 600 start at once, the others at %d moments", at[opStart], len(at)-1)
	}
}
