package trace

// Proves that programs are run the way they want to be: with a file they are
// set up by, with a pid file of another name or in a fixed place, with a port,
// and with the time that they take to be ready or to stop.

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func opsOf(events []race.Event) string {
	var ops []string
	for _, e := range events {
		ops = append(ops, e.Actor+" "+e.Op)
	}
	return strings.Join(ops, ", ")
}

func TestAFileOfItsOwnSetsAProgramUp(t *testing.T) {
	p := program.Program{
		Command: []string{"sh", "-c", `. {dir}/conf; echo $$ >"$pidfile"; echo "$port {caseport} {n}" >out; read line`},
		Files:   []race.File{{Name: "conf", Kind: race.Config, Content: "pidfile={pidfile}\nport={caseport}\n"}},
	}
	w := follow(t, firstCase(t, p))
	if got := opsOf(w.Events[:5]); got != "a start, a openat, a write, a openat, a write" {
		t.Errorf("reading what nobody changes is no step, but these are: %s", got)
	}
	ports := strings.Fields(strings.Trim(strings.TrimPrefix(w.Events[4].Detail, "out "), `"`))
	if len(ports) < 2 || ports[0] != ports[1] || ports[0] == "0" {
		t.Errorf("%q, want the same port in the file and in the command", w.Events[4].Detail)
	}
	if got := w.Events[2].File; got != "{a}" {
		t.Errorf("the pid file holds %q, want {a}", got)
	}

	p.Command[2] = `echo $$ >{pidfile}; echo oops >>{dir}/conf; read line`
	r, err := bounded(t, Tier{}, firstCase(t, p), explore.Bounds{})
	if err != nil || r.Verdict.Invariant != race.NothingIsClobbered {
		t.Errorf("a program that changes the file: %v, %v, want %s", r.Verdict, err, race.NothingIsClobbered)
	}
}

func TestThePidFileMayHaveAnotherName(t *testing.T) {
	p := shProgram(t, `echo $$ >other.pid; read line; rm other.pid`)
	p.PIDFile = "other.pid"
	cases, err := casesOf(p, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	stale := slices.IndexFunc(cases, func(c race.Case) bool { return len(c.Files) > 0 })
	if stale < 0 || cases[stale].Files[0].Name != "other.pid" || cases[stale].PIDFile() != "other.pid" {
		t.Errorf("no case with a stale other.pid: %+v", cases)
	}
	w := follow(t, cases[0])
	if !slices.ContainsFunc(w.Events, func(e race.Event) bool { return e.File == "{a}" }) {
		t.Errorf("its content is not shown\n%s", lanes(w.Events))
	}
}

func TestAFixedPlaceIsSeenThroughMounts(t *testing.T) {
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		t.Skip("needs unshare(1) and the right to mount")
	}
	p := program.Program{Command: []string{"unshare", "-m", "sh", "-c", `mount --bind {dir} /mnt; echo $$ >/mnt/server.pid; exec cat`}}
	w := follow(t, firstCase(t, p))
	if got := opsOf(w.Events[:4]); got != "a start, a.1 exit_group, a openat, a write" || w.Events[3].Detail != `server.pid "{a}\n"; a serves` {
		t.Errorf("its pid file is not seen\n%s", lanes(w.Events))
	}
}

func TestAProgramMaySleepBeforeItIsReady(t *testing.T) {
	p := shProgram(t, `sleep 0.4; test -e $1 && exit 1; echo $$ >$1; echo ready; read line; rm $1`)
	p.Ready = "ready"
	w := follow(t, firstCase(t, p), "a start", "a.1 exit_group", "a newfstatat", "a openat", "a write", "b start", "b.1 exit_group", "b newfstatat")
	for _, e := range w.Events {
		if strings.HasSuffix(e.Detail, "b ends: exit 1") {
			return
		}
	}
	t.Errorf("b does not end before a is asked to stop\n%s", lanes(w.Events))
}

func TestAProgramMayTakeItsTimeToStop(t *testing.T) {
	c := firstCase(t, shProgram(t, `echo $$ >$1; trap 'sleep 0.5; rm $1; exit' TERM; while :; do sleep 1000 & wait; done`))
	if c.Options["stop"] != `"term"` {
		t.Errorf("learned that it stops by %s", c.Options["stop"])
	}
}

// Only while it is a guess that the end of its input stops it, is a program
// given up early.
func TestAProgramMayTakeItsTimeToNoticeTheEndOfItsInput(t *testing.T) {
	p := shProgram(t, `echo $$ >$1; read line; sleep 0.6; rm $1`)
	p.Stop = "eof"
	if c := firstCase(t, p); c.Options["stop"] != `"eof"` {
		t.Errorf("learned that it stops by %s", c.Options["stop"])
	}
	p = shProgram(t, `echo $$ >$1; read line; sleep 1000`)
	p.Stop = "eof"
	if _, err := casesOf(p, 2, 1); err == nil || !strings.HasSuffix(err.Error(), "does not stop at the end of its input") {
		t.Errorf("%v", err)
	}
}

// What a dead server leaves has the form that this program gives it.
func TestWhatIsStaleIsInTheProgramsOwnForm(t *testing.T) {
	for script, want := range map[string][]race.File{
		`ln -s $$ $1; read line; rm $1`: {{Name: "server.pid", Kind: race.Link, Content: "{dead}"}},
		`mkdir $1; echo $$ x >$1/owner; read line; rm -r $1`: {
			{Name: "server.pid", Kind: race.Dir}, {Name: "server.pid/owner", Kind: race.Regular, Content: "{dead} x\n"},
		},
		`echo pid=$$ pgid=$$ >$1; read line; rm $1`:     {{Name: "server.pid", Kind: race.Regular, Content: "pid={dead} pgid={dead}\n"}},
		`printf '%20d\nv 2\n' $$ >$1; read line; rm $1`: {{Name: "server.pid", Kind: race.Regular, Content: "           {dead}\nv 2\n"}},
		`mkdir $1; read line; rmdir $1`:                 nil,
	} {
		p, err := Tier{}.Learn(t.Context(), shProgram(t, script))
		if err != nil || !reflect.DeepEqual(p.Stale, want) {
			t.Errorf("%s leaves %+v, %v, want %+v", script, p.Stale, err, want)
		}
	}
	below := shProgram(t, `mkdir lock; echo $$ >$1; read line; rm -r lock`)
	below.PIDFile = "lock/pid"
	p, err := Tier{}.Learn(t.Context(), below)
	want := []race.File{{Name: "lock", Kind: race.Dir}, {Name: "lock/pid", Kind: race.Regular, Content: "{dead}\n"}}
	if err != nil || !reflect.DeepEqual(p.Stale, want) || p.Content != "{pid}\n" {
		t.Errorf("it leaves %+v, %v, want %+v", p.Stale, err, want)
	}
	want[1].Content = "{stranger}\n"
	if !reflect.DeepEqual(p.Taken, want) {
		t.Errorf("once its pid is another's that is %+v, want %+v", p.Taken, want)
	}
	none := shProgram(t, `echo $$ >$1; read line; rm $1`)
	none.NoStale = true
	if p, err := (Tier{}).Learn(t.Context(), none); err != nil || len(p.Stale)+len(p.Taken) > 0 {
		t.Errorf("nothing stale is wanted: %+v, %v", p.Stale, err)
	}
}

// The stand-ins of version managers begin processes of their own.
func TestAProgramBehindAScriptIsRunDirectly(t *testing.T) {
	binary := buildDaemon(t)
	script := filepath.Join(t.TempDir(), "daemon")
	text := "#!/bin/sh\nsh -c : && exec " + binary + " \"$@\"\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := Tier{}.Learn(t.Context(), program.Program{Command: []string{script, "correct", "{pidfile}"}})
	if errors.Is(err, ErrForbidden) {
		t.Skip(err)
	}
	if err != nil || p.Direct != binary {
		t.Errorf("%q is run directly, %v, want %q", p.Direct, err, binary)
	}
}

func TestWhatIsOddAboutAPidFileIsSaid(t *testing.T) {
	for script, want := range map[string]string{
		`echo $$ >$1; rm $1; read line`:                 "server.pid was there and is gone when it serves",
		`echo hello >$1; read line; rm $1`:              "server.pid holds \"hello\\n\" when it serves, which names no process of its own: nothing is tried with what a dead server leaves",
		`sh -c 'echo $$ >"$0"' $1; read line; rm $1`:    "which has ended",
		`echo $$ >$1; read line; rm $1`:                 "",
		`: >$1; echo $$ >other; read line; rm $1 other`: "server.pid holds \"\"",
	} {
		p, err := Tier{}.Learn(t.Context(), shProgram(t, script))
		if notes := strings.Join(p.Notes, "; "); err != nil || !strings.Contains(notes, want) || want == "" && notes != "" {
			t.Errorf("%s: %q, %v, want %q", script, notes, err, want)
		}
	}
}

func TestWhoIsRecordedIsTheServerThoughWhatStartedItCrashed(t *testing.T) {
	needFlock(t)
	p := shProgram(t, `
exec 9>>lock
flock -n 9 || exit 1
sh -c 'echo $$ >"$0"; : >>"$0"; exec sleep 1000' "$1" &
wait
`)
	p.MayEmpty = "yes"
	c := firstCase(t, p)
	r, err := bounded(t, Tier{}, c, explore.Bounds{Crashes: 1})
	if err != nil || r.Verdict.Broken() || !r.Complete {
		t.Errorf("%v, complete: %v, %v\n%s", r.Verdict, r.Complete, err, lanes(r.Events))
	}
}
