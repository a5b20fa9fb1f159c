package trace

// Proves that the judge is told what breaks an invariant, and nothing that does
// where a program keeps its promises, from what can be seen of it alone.

import (
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// scenes are what happens one after the other: who does what, what the pid
// file holds then ("-" for no file), and who is in which phase.
//
//	a write: {a} | a serving
func judged(t *testing.T, s program.Program, files []race.File, scenes string) race.Verdict {
	t.Helper()
	phases := map[string]phase{
		"absent": absent, "starting": starting, "serving": serving, "stopping": stopping, "probing": probing, "waking": waking,
	}
	before := judge.File{}
	for _, f := range files {
		if f.Name == race.PIDFile {
			before = judge.File{Object: 1, Readable: true, Content: f.Content}
		}
	}
	told := newTeller(s, files, before, []string{"a", "b"}, nil)
	actors := []standing{{name: "a"}, {name: "b"}}
	event := 0
	for line := range strings.Lines(strings.TrimSpace(scenes)) {
		step, standings, _ := strings.Cut(strings.TrimSpace(line), " | ")
		move, content, _ := strings.Cut(step, ": ")
		v := view{event: event, before: before}
		if content != "-" {
			v.after = judge.File{Object: 1, Content: content, Readable: true}
		}
		v.mover, v.op, _ = strings.Cut(move, " ")
		if v.op == opStart || v.op == opProbe {
			actors[v.mover[0]-'a'].round++
		}
		for text := range strings.SplitSeq(standings, ", ") {
			words := strings.Fields(text)
			for i := range actors {
				if actors[i].name == words[0] {
					actors[i].phase = phases[words[1]]
					actors[i].locks = len(words) > 2
				}
			}
		}
		v.actors = append(v.actors, actors...)
		v.over = v.op == "end"
		if v.after.Readable {
			v.left = []entry{{name: race.PIDFile, content: content}}
		}
		told.tell(v)
		told.judge.Verdict()
		before = v.after
		event++
	}
	return told.judge.Verdict()
}

func TestTheJudgeNamesTheInvariant(t *testing.T) {
	exit := program.Program{Losers: "exit", Content: "{pid}"}
	serve := program.Program{Losers: "serve", Content: "{pid}"}
	lenient := program.Program{Losers: "exit", Content: "{pid}", MayEmpty: "yes"}
	stale := []race.File{{Name: race.PIDFile, Kind: race.Regular, Content: "499999999"}}
	for _, tt := range []struct {
		name   string
		s      program.Program
		files  []race.File
		scenes string
		want   race.Invariant
	}{
		{"one after the other", exit, nil, `
			a start: - | a starting
			a write: {a} | a serving
			a unlink: - | a stopping
			a exit_group: - | a absent
			b start: - | b starting
			b write: {b} | b serving
			b unlink: - | b stopping
			b end: - | b absent`, ""},
		{"a refused start", exit, nil, `
			a write: {a} | a serving
			b start: {a} | b starting
			b exit_group: {a} | b absent`, ""},
		{"two live on", exit, nil, `
			a write: {a} | a serving
			b start: {a} | b starting
			b flock: {a} | b serving`, race.OneHolder},
		{"a standby lives on", serve, nil, `
			a write: {a} | a serving lock
			b flock: {a} | b serving`, ""},
		{"a standby that has a lock as well", serve, nil, `
			a write: {a} | a serving lock
			b flock: {a} | b serving lock`, race.OneHolder},
		{"the holder's pid is wiped out", exit, nil, `
			a write: {a} | a serving
			b openat:  | b starting`, race.ReadersFindTheHolder},
		{"nothing between two pids", exit, stale, `
			a start: 499999999 | a starting
			a openat:  | a starting`, race.ReadersFindTheHolder},
		{"nothing between two pids, where that may be", lenient, stale, `
			a start: 499999999 | a starting
			a openat:  | a starting
			a write: {a} | a serving`, ""},
		{"the holder's pid is wiped out, where nothing may be between two", lenient, nil, `
			a write: {a} | a serving
			b openat:  | b starting`, race.ReadersFindTheHolder},
		{"the file outlives all", exit, nil, `
			a write: {a} | a serving
			a end: {a} | a absent`, race.NothingRemains},
		{"the rest of an old pid", exit, stale, `
			a start: 499999999 | a starting
			a write: {a}9999 | a serving`, race.CrashesAreTakenOver},
		{"nobody can start after a crash", exit, nil, `
			a write: {a} | a serving
			a crash: {a} | a absent
			b start: {a} | b starting
			b exit_group: {a} | b absent`, race.CrashesAreTakenOver},
		{"the file is removed by another", exit, nil, `
			a write: {a} | a serving
			b unlink: - | b starting`, race.OnlyTheHolderChanges},
		{"two refuse each other", exit, nil, `
			a start: - | a starting
			b start: - | b starting
			a exit_group: - | a absent
			b exit_group: - | b absent`, race.LoneStartsSucceed},
		{"one refuses the other and serves", exit, nil, `
			a start: - | a starting
			b start: - | b starting
			a exit_group: - | a absent
			b write: {b} | b serving`, ""},
		{"a probe refuses a start", exit, nil, `
			b probe: - | b probing
			a start: - | a starting
			a exit_group: - | a absent`, race.LoneStartsSucceed},
		{"a standby never looks", serve, nil, `
			a write: {a} | a serving lock
			b flock: {a} | b serving
			a exit_group: - | a absent
			b wait: - | b serving`, race.AServerSucceeds},
		{"a standby looks, and does not take over", serve, nil, `
			a write: {a} | a serving lock
			b flock: {a} | b serving
			a exit_group: - | a absent
			b wait: - | b waking
			b openat:  | b waking
			b close: - | b serving`, race.AServerSucceeds},
		{"a standby is refused by another who comes and goes", serve, nil, `
			b flock: {a} | b serving
			b wait: - | b waking
			b openat:  | b waking
			a start:  | a starting
			a write: {a} | a serving lock
			a unlink: - | a stopping lock
			b flock: - | b serving
			a exit_group: - | a absent`, ""},
		{"a standby looks again, and does not take over", serve, nil, `
			b flock: - | b serving
			b wait: - | b waking
			a start: - | a starting
			b flock: - | b serving
			a exit_group: - | a absent
			b wait: - | b waking
			b flock: - | b serving`, race.AServerSucceeds},
	} {
		if got := judged(t, tt.s, tt.files, tt.scenes); got.Invariant != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, got, tt.want)
		}
	}
}

func TestProbesAreHeldToWhatWasTrueWhileTheyLooked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		served bool // a server runs all the time
		said   answer
		want   race.Invariant
	}{
		{"the server", true, answer{certain: true, running: true, pid: "1", round: 1}, ""},
		{"nobody, though there is one", true, answer{certain: true}, race.ProbesTellTheTruth},
		{"somebody, though there is none", false, answer{certain: true, running: true, actor: -1}, race.ProbesTellTheTruth},
		{"another process", true, answer{certain: true, running: true, pid: "2", actor: -1}, race.ProbesTellTheTruth},
		{"an error", true, answer{}, ""},
	} {
		told := newTeller(program.Program{Losers: "exit"}, nil, judge.File{}, []string{"a", "b"}, nil)
		a, b := standing{name: "a"}, standing{name: "b", round: 1, phase: probing}
		if tt.served {
			a.round, a.phase = 1, serving
			told.tell(view{mover: "a", op: opStart, actors: []standing{a, {name: "b"}}})
		}
		told.tell(view{event: 1, mover: "b", op: opProbe, actors: []standing{a, b}})
		told.answered["b"], b.phase = tt.said, absent
		told.tell(view{event: 2, mover: "b", op: "exit_group", actors: []standing{a, b}})
		if got := told.judge.Verdict(); got.Invariant != tt.want {
			t.Errorf("it says %s: %v, want %q", tt.name, got, tt.want)
		}
	}
}
