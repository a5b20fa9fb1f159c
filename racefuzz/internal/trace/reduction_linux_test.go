package trace

// Proves that no race is lost with the schedules that are left out: each of
// these programs shows its own only in one that looks as if another could stand
// for it.

import (
	"errors"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestNoRaceIsLeftOut(t *testing.T) {
	t.Parallel()
	const serve = `; while read -r line; do :; done; rm "$0"`
	sub := []race.File{{Name: "sub", Kind: race.Dir}}
	sh := func(script string) []string { return []string{"sh", "-c", script, "{pidfile}"} }
	// judged serves, and breaks its promise if anything was bad: its pid is not in the file.
	judged := `if [ "$bad" ]; then echo bad >"$0"; else echo $$ >"$0"; fi` + serve
	tests := []struct {
		name   string
		p      program.Program
		actors int
		rounds int
		bounds explore.Bounds
	}{
		{"a crash between two steps of another, with one between them that nobody minds",
			program.Program{Command: sh(`if [ -s "$0" ]; then
				read -r p <"$0"
				if kill -0 $p; then [ -e x ]; kill -0 $p && exit 1; bad=1; fi
			fi
			` + judged)}, 2, 1, explore.Bounds{Crashes: 1}},
		{"a crash before a private step of one that then leaves an orphan",
			program.Program{Command: sh(`[ -e sub/busy ] && exit 1; echo $$ >"$0"` + serve),
				Beside: words("sh", "-c", ": >sub/busy; : >sub/log; rm sub/busy"), Files: sub}, 1, 1, explore.Bounds{Crashes: 1}},
		{"who wrote a token",
			program.Program{Command: sh(`echo AAAAAAAAAAAAAAAAAAAAAAAAAA >owner; : >sub/k
			if [ -e sub/m ]; then read -r t <owner; [ "$t" = AAAAAAAAAAAAAAAAAAAAAAAAAA ] && bad=1; fi
			` + judged),
				Beside: words("sh", "-c", "echo BBBBBBBBBBBBBBBBBBBBBBBBBB >owner; [ -e sub/k ] && : >sub/m"), Files: sub}, 1, 1, explore.Bounds{Preemptions: 2}},
		{"a file named by the pid of one that is gone",
			program.Program{Command: sh(`: {n}; if read -r p <"$0"; then
				kill -0 $p && exit 1
				[ -e sub/live.$p ] || exit 1
			fi
			echo $$ >"$0"; : >sub/live.$$; [ -e sub/tail ]` + serve), Files: sub}, 2, 1, explore.Bounds{Crashes: 1}},
		{"what lies behind a link",
			program.Program{Command: sh(`[ -e sub/flag ] || { [ -e sub/link ] && bad=1; }; ` + judged),
				Beside: words("sh", "-c", "[ -e {pidfile} ]; : >sub/flag"),
				Files:  append(sub, race.File{Name: "sub/link", Kind: race.Link, Content: "flag"})}, 1, 1, explore.Bounds{Preemptions: 1}},
		{"who is listed, and then crashes",
			program.Program{Command: sh(`for p in sub/*; do p=${p#sub/}
				if [ -d /proc/$p ]; then kill -0 $p && exit 1; bad=1; fi
			done
			[ "$bad" ] || : >sub/$$; ` + judged), Files: sub}, 2, 1, explore.Bounds{Crashes: 1}},
		{"a crash before a file is moved in from elsewhere",
			program.Program{Command: []string{findPython(t), "-S", "-c", `
import os, sys
f = sys.argv[1]
if os.path.exists("starting") and not os.path.exists(f): sys.exit(1)
os.close(os.open("starting", os.O_CREAT | os.O_WRONLY))
new = "../" + str(os.getpid())
with open(new, "w") as n: n.write(str(os.getpid()))
os.rename(new, f)
os.unlink("starting")
sys.stdin.read()
os.unlink(f)
`, "{pidfile}"}}, 1, 2, explore.Bounds{Crashes: 1}},
		{"a standby that nobody wakes",
			program.Program{Command: standby(t, `
    if b := os.read(fd, 20):
        try: os.kill(int(b), 0)
        except OSError: select.select([0], [], []); sys.exit()
`, ""), Losers: "serve"}, 2, 1, explore.Bounds{Preemptions: 1}},
	}
	for i, tt := range tests {
		if !*exam && i%2 > 0 {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			tt.p.MayEmpty = "yes"
			if tt.p.Losers == "" {
				tt.p.Losers = "exit"
			}
			cases, err := casesOf(tt.p, tt.actors, tt.rounds)
			if errors.Is(err, ErrForbidden) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			c := cases[0] // without a stale file
			if tt.rounds > 1 {
				c = cases[len(cases)-1]
			}
			r, err := bounded(t, Tier{}, c, tt.bounds)
			if err != nil || !r.Verdict.Broken() {
				t.Errorf("no race in %d schedules: %v", r.Schedules, err)
			}
		})
	}
}

func TestWhatWasPutOffIsExploredOnceItMatters(t *testing.T) {
	t.Parallel()
	schedules, found := search(t, program.Program{
		Command: []string{"sh", "-c", `echo $$ >"$0"; while read -r line; do :; done; read -r m <sub/mark; [ "$m" = 1 ] || rm "$0"`, "{pidfile}"},
		Beside:  words("sh", "-c", "[ -e {pidfile} ] && echo 1 >sub/mark; echo 2 >sub/mark"),
		Files:   []race.File{{Name: "sub", Kind: race.Dir}},
		Losers:  "exit", MayEmpty: "yes",
	}, 1, explore.Bounds{Preemptions: 1}, 1)
	if found.Verdict.Invariant != race.NothingRemains {
		t.Errorf("%v after %d schedules, want I3: the first who is seen to look for the mark has stopped by then", found.Verdict, schedules)
	}
}

func TestWhatOnlyTheVictimKnowsGoesWithIt(t *testing.T) {
	t.Parallel()
	r, err := start(firstCase(t, shProgram(t, `[ -e one ]; [ -e two ]; echo $$ >server.pid; read line; rm server.pid`)), Tier{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var states, crashed []uint64
	cast := &explore.Cast{Order: []int{0, 1}}
	for range 4 { // start, look, look, open
		m, _, _ := explore.Onward(r, r.events)
		if _, err := r.Do(m); err != nil {
			t.Fatal(err)
		}
		state, _ := r.Fingerprint(cast, "a")
		crashed = append(crashed, state)
		state, _ = r.Fingerprint(cast, "")
		states = append(states, state)
	}
	if crashed[1] != crashed[2] || crashed[2] == crashed[3] {
		t.Errorf("a crash after each of two looks and a change leads to %x", crashed[1:])
	}
	if states[1] == states[2] {
		t.Error("what a has seen makes no difference to it")
	}
}

func TestAStandbyMayGiveItsFileAnotherName(t *testing.T) {
	t.Parallel()
	p := program.Program{Command: standby(t, "", `
if os.path.exists("sub/alias"): os.unlink("sub/alias")
os.link(f, "sub/alias")
`), Files: []race.File{{Name: "sub", Kind: race.Dir}}, Losers: "serve", MayEmpty: "yes"}
	if _, found := search(t, p, 2, explore.Bounds{}, 1); found.Verdict.Broken() {
		t.Errorf("%v\n%s", found.Verdict, lanes(found.Events))
	}
}

// standby is one in Python that does something when it was refused the lock, and
// when it got it.
func standby(t *testing.T, refused, got string) []string {
	return []string{findPython(t), "-S", "-c", `
import fcntl, os, select, sys
f = sys.argv[1]
while True:
    fd = os.open(f, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(f) and os.fstat(fd).st_ino == os.stat(f).st_ino: break
        os.close(fd)
        continue
    except OSError: pass
` + refused + `
    os.close(fd)
    if select.select([0], [], [], 0.5)[0]: sys.exit()
` + got + `
os.ftruncate(fd, 0)
os.write(fd, str(os.getpid()).encode())
sys.stdin.read()
os.unlink(f)
`, "{pidfile}"}
}
