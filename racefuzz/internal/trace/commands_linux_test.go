package trace

// Proves that commands that share files are found to lose what each other
// wrote, in three languages and whatever the bug, and that their correct twins
// are not. With -exam all of the table sit for it, to the end of their bounds.

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// mutant is a row of testdata/commands/table.json: two commands that share
// files, one program with one bug.
type mutant struct {
	Name, Language, Setup, A, B string
	Wrong, Breaks               string
	Rule                        string // those that it may be found to break
	Strict                      bool   // its refusals are what is wrong with it
}

var commandsDir, _ = filepath.Abs("../../../testdata/commands")

func mutants(t *testing.T) (rows []mutant) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(commandsDir, "table.json"))
	if err == nil {
		err = json.Unmarshal(data, &rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// quickly are the rows that are run without -exam, for they take little time.
var quickly = map[string]bool{"fixed_tmp": true, "rename": true, "check_then_create": true, "append": true}

// lines are the two commands of a row, or of its correct twin.
func (m mutant) lines(t *testing.T, twin bool, goBinary string) []string {
	name := m.Name
	var program string
	switch m.Language {
	case "go":
		if twin {
			name += "-fixed"
		}
		program = goBinary + " " + name
	case "python":
		program = findPython(t) + " "
	case "sh":
		program = "sh "
	}
	if m.Language != "go" {
		if twin {
			name += "_fixed"
		}
		program += filepath.Join(commandsDir, m.Language, name+map[string]string{"python": ".py", "sh": ".sh"}[m.Language])
	}
	return []string{program + " " + m.A, program + " " + m.B}
}

func buildCommands(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "commands")
	cmd := exec.Command("go", "build", "-o", binary, filepath.Join(commandsDir, "go"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// tryCommands explores command lines in a place that the setup, a script for a
// shell, has furnished.
func tryCommands(t *testing.T, setup string, lines []string, strict bool, preemptions int) (finding, *Commands) {
	t.Helper()
	set := newCommands(t, setup, lines)
	set.Strict = strict
	learn(t, set)
	r, err := found(set.Directed(t.Context(), nil))
	if err == nil && !r.Verdict.Broken() {
		r, err = found(explore.Bounded(t.Context(), set.Plan(preemptions, 0, nil)))
	}
	if err != nil || r.Diverged > 0 {
		t.Fatalf("%v, %d diverged: %s", err, r.Diverged, r.Divergence)
	}
	return r, set
}

func newCommands(t *testing.T, setup string, lines []string) *Commands {
	t.Helper()
	var parsed []commands.Line
	for _, text := range lines {
		l, err := commands.Parse(text)
		if err == nil {
			l.Words[0], err = exec.LookPath(l.Words[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, l)
	}
	set, err := NewCommands(Tier{Dir: t.TempDir()}, parsed)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", setup)
	cmd.Dir = set.Place.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := set.Place.Keep(); err != nil {
		t.Fatal(err)
	}
	return set
}

func learn(t *testing.T, set *Commands) {
	t.Helper()
	err := set.Learn(t.Context(), nil)
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCommandsThatLoseWhatOthersWrote(t *testing.T) {
	binary := buildCommands(t)
	for _, m := range mutants(t) {
		if !quickly[m.Name] && !*exam {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			r, _ := tryCommands(t, m.Setup, m.lines(t, false, binary), m.Strict, 2)
			if !r.Verdict.Broken() {
				t.Fatalf("%s: no race in %d schedules, though %s", m.Wrong, r.Schedules, m.Breaks)
			}
			t.Logf("%s (schedule %d)", r.Verdict, r.Schedules)
			if !slices.Contains(strings.Fields(m.Rule), string(r.Verdict.Invariant)) {
				t.Errorf("%s: breaks %s, want %s", m.Wrong, r.Verdict, m.Rule)
			}
		})
	}
}

func TestCorrectCommandsAreClean(t *testing.T) {
	binary := buildCommands(t)
	preemptions := 1
	if *exam {
		preemptions = 2
	}
	for _, m := range mutants(t) {
		if !quickly[m.Name] && !*exam {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			r, _ := tryCommands(t, m.Setup, m.lines(t, true, binary), false, preemptions)
			if r.Verdict.Broken() || !r.Complete {
				t.Errorf("%s, complete: %v, after %d schedules", r.Verdict, r.Complete, r.Schedules)
			}
			t.Logf("complete: %d schedules", r.Schedules)
		})
	}
}

func TestASentenceSaysWhatWasLost(t *testing.T) {
	r, set := tryCommands(t, "echo start >list", []string{`sh -c 'x=$(cat list); echo "$x one" >list'`, `sh -c 'x=$(cat list); echo "$x two" >list'`}, false, 1)
	want := "list is start one: after a; b it is start one two, after b; a it is start two one"
	if r.Verdict.Reason != want && r.Verdict.Reason != strings.Replace(want, "is start one:", "is start two:", 1) {
		t.Errorf("%s\nwant %s", r.Verdict, want)
	}
	kept, pair := set.Racing(r.Events, "list")
	if len(kept) == 0 || pair == [2]int{} || race.ActorOf(r.Events[pair[0]].Actor) != race.ActorOf(r.Events[pair[1]].Actor) {
		t.Errorf("the two calls between which another one changed the file: %v of %v", pair, kept)
	}
}

func TestTheShellsOfALineAreOneCommand(t *testing.T) {
	r, _ := tryCommands(t, "printf 'b\\na\\n' >list", []string{"sort list | uniq >new.$$ && mv new.$$ list", "echo c >>list"}, false, 2)
	if r.Verdict.Invariant != race.Serializable || !strings.Contains(r.Verdict.Reason, "b's c is gone") {
		t.Errorf("%s, want that b's line is lost", r.Verdict)
	}
}

func TestCommandsThatWaitForEachOtherAreStuck(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip(err)
	}
	both := func(first, second string) string {
		return "flock " + first + " flock " + second + " sh -c 'echo x >>list'"
	}
	r, _ := tryCommands(t, ": >list", []string{both("one", "two"), both("two", "one")}, false, 1)
	if r.Verdict.Invariant != race.CommandsEnd {
		t.Errorf("%s, want that they do not end", r.Verdict)
	}
}

func TestCommandsThatCannotBeTriedAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"sh -c 'exit 3'":          "fails alone: exit 3",
		"sh -c 'read answer'":     "asks for input",
		"sh -c 'kill -SEGV $$'":   "fails alone: SIGSEGV",
		"sh -c 'sleep 1000 && x'": "does not end within 10s",
	} {
		if strings.Contains(want, "10s") && !*exam || strings.Contains(want, "input") && !*exam { // they take their time
			continue
		}
		l, err := commands.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		l.Words[0], _ = exec.LookPath(l.Words[0])
		set, err := NewCommands(Tier{Dir: t.TempDir()}, []commands.Line{l, l})
		if err == nil {
			err = set.Learn(t.Context(), nil)
		}
		if errors.Is(err, ErrForbidden) {
			t.Skip(err)
		}
		var refusal *commands.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestWhatIsSharedOutsideIsTold(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	_, set := tryCommands(t, ":", []string{"echo a >>" + outside, "echo b >>" + outside}, false, 0)
	if got := set.Elsewhere(); len(got) != 1 || got[0] != outside {
		t.Errorf("told of %q, want %q", got, outside)
	}
	if got := set.Shared(); len(got) != 0 {
		t.Errorf("shared inside: %q", got)
	}
}

func TestAReaderFindsWhatIsHalfWritten(t *testing.T) {
	cat, err := commands.Parse("cat list")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ write, want string }{
		{"sh -c 'echo one >list; echo two >>list'", `a reader finds "", which is there neither before nor after a command`},
		{"sh -c 'echo one >new; echo two >>new; mv new list'", ""},
	} {
		set := newCommands(t, "echo start >list", []string{c.write, "cat list"})
		set.Place.Reader = func() []byte { return set.Place.Read(t.Context(), cat) }
		learn(t, set)
		r, err := found(set.Whole(t.Context(), nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Verdict.Reason; !strings.HasSuffix(got, c.want) || r.Verdict.Broken() != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.write, got, c.want)
		}
		if r.Verdict.Broken() {
			again, _, err := set.Repeat(set.Case(), StopsOf(r.Events))
			if err != nil || again.Verdict != r.Verdict {
				t.Errorf("again: %s, %v, want %s", again.Verdict, err, r.Verdict)
			}
		}
	}
}

func TestACommandThatWasKilledIsRunAgain(t *testing.T) {
	for _, c := range []struct {
		write string
		rule  race.Invariant
		want  string
	}{
		{"sh -c 'mkdir lock && echo one >list && rmdir lock'", race.KilledCommandsRunAgain, "a was killed before openat list O_TRUNC|O_CREAT|O_WRONLY: a, run again, ends with exit 1"},
		{"sh -c 'x=$(cat list); echo >list; echo $x one >list'", race.KilledCommandsRunAgain, "a was killed before write list "},
		{"sh -c 'echo one >new; mv new list'", "", ""},
	} {
		set := newCommands(t, "echo start >list", []string{c.write, "cat list"})
		learn(t, set)
		r, err := found(set.Killed(t.Context(), nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Verdict; got.Invariant != c.rule || !strings.HasPrefix(got.Reason, c.want) {
			t.Errorf("%s: %s, want %s: %s", c.write, got, c.rule, c.want)
		}
		if r.Verdict.Broken() {
			again, _, err := set.Repeat(r.Case, StopsOf(r.Events))
			if err != nil || again.Verdict != r.Verdict {
				t.Errorf("again: %s, %v, want %s", again.Verdict, err, r.Verdict)
			}
		}
	}
}
