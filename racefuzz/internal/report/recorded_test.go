package report

import (
	"fmt"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Recorded events, one case per tier.

// after returns a step and the state after it.
func after(step string, inode int, file, lock, orphans string) race.Event {
	s, ok := race.ParseStep(step)
	if !ok {
		panic(step)
	}
	return race.Event{Step: s, File: file, Lock: lock, Inode: inode, Orphans: orphans}
}

// twoFiles is the unlink race: b locks the file that a has unlinked.
func twoFiles() Report {
	r := Report{
		Case: race.Case{
			Title: "A start locks the file that its last holder unlinked.", Tier: "kernel", Target: "no-recheck",
			Actors: []race.Actor{
				{Name: "a", Script: []string{"acquire", "release", "acquire"}},
				{Name: "b", Script: []string{"acquire"}},
			},
		},
		Events: []race.Event{
			after("a open: ok", 1, "", "", ""),
			after("a lock: ok", 1, "", "a", ""),
			after("a write: ok", 1, "101\n", "a", ""),
			after("a truncate: ok", 1, "101\n", "a", ""),
			after("b open: ok", 1, "101\n", "a", ""),
			after("a remove: ok", 0, "-", "", "1 a"),
			after("a unlock: ok", 0, "-", "", ""),
			after("a close: ok", 0, "-", "", ""),
			after("b lock: ok", 0, "-", "", "1 b"),
			after("b write: ok", 0, "-", "", "1 b"),
			after("b truncate: ok", 0, "-", "", "1 b"),
			after("a open: ok", 2, "", "", "1 b"),
			after("a lock: ok", 2, "", "a", "1 b"),
			after("a write: ok", 2, "101\n", "a", "1 b"),
			after("a truncate: ok", 2, "101\n", "a", "1 b"),
		},
		Verdict:  race.Verdict{Invariant: race.OneHolder, Reason: "a and b both hold the file", Event: 14},
		Critical: [2]int{4, 5},
		Replay:   "racefuzz replay testdata/races/no-recheck.txtar",
	}
	for i := range r.Events {
		if r.Events[i].Op == "open" || r.Events[i].Op == "remove" {
			r.Events[i].Detail = race.PIDFile
		}
	}
	r.Events[4].Preempted = true
	r.Events[5].Preempted = true
	return r
}

// crash is a crash between create and write, which locks everybody out.
func crash() Report {
	return Report{
		Case: race.Case{
			Title: "A crash between create and write is taken for a running server.", Tier: "model", Rules: "posix",
			Target: "crash-between-create-and-write",
			Actors: []race.Actor{
				{Name: "a", Script: []string{"acquire", "release"}},
				{Name: "b", Script: []string{"acquire", "release"}},
				{Name: "c", Script: []string{"probe"}},
			},
		},
		Events: []race.Event{
			after("c open: ENOENT", 0, "-", "", ""),
			after("a open: ok", 1, "", "", ""),
			after("a crash", 1, "", "", ""),
			after("b open: ok", 1, "", "", ""),
			after("b read: \"\"", 1, "", "", ""),
			after("b close: refused", 1, "", "", ""),
		},
		Verdict: race.Verdict{Invariant: race.CrashesAreTakenOver, Reason: "a crashed, and the start of b fails", Event: 5},
	}
}

// servers are eight processes of which none takes over.
func servers() Report {
	r := Report{Case: race.Case{
		Title: "Eight servers, and the recorded one goes.", Tier: "process", Target: "losers-forgotten",
		Command: []string{"memlatch"},
		Files:   []race.File{{Name: race.PIDFile, Kind: race.Regular, Content: "{dead}\n"}},
	}}
	for i := range 8 {
		r.Case.Actors = append(r.Case.Actors, race.Actor{Name: race.ActorName(i), Script: []string{"start", "stop"}})
	}
	at := func(ms int, step, file, lock string) {
		e := after(step, 0, file, lock, "")
		e.Time = time.Duration(ms) * time.Millisecond
		r.Events = append(r.Events, e)
	}
	for i := range 8 {
		at(i, race.ActorName(i)+" start: ok", "3999\n", "")
	}
	at(12, "c ready: recorded", "41203\n", "c")
	for i, name := range []string{"a", "b", "d", "e", "f", "g", "h"} {
		at(15+i, name+" ready: standby", "41203\n", "c")
	}
	at(40, "c kill: SIGTERM", "41203\n", "c")
	at(52, "c exit: 0", "-", "")
	at(2052, "reader read: no file", "-", "")
	r.Verdict = race.Verdict{Invariant: race.AServerSucceeds, Reason: "seven servers live, and for 2 s no pid file named one", Event: len(r.Events) - 1}
	return r
}

// calls is an unmodified program under the system call tier.
func calls() Report {
	r := Report{
		Case: race.Case{
			Title: "A refused start truncates the pid file.", Tier: "syscall", Target: "daemons/truncate.py",
			Command: []string{"python3", "truncate.py"},
			Actors:  []race.Actor{{Name: "a", Script: []string{"run", "SIGTERM"}}, {Name: "b", Script: []string{"run"}}},
		},
		Verdict:  race.Verdict{Invariant: race.ReadersFindTheHolder, Reason: "a holds the file, and a reader finds \"\" instead of 7001", Event: 4},
		Critical: [2]int{3, 4},
	}
	path := "/tmp/racefuzz-2871/var/run/application/server.pid"
	at := func(step, detail, file, lock string) {
		e := after(step, 1, file, lock, "")
		e.Detail = detail
		r.Events = append(r.Events, e)
	}
	at("a openat: 3", fmt.Sprintf("AT_FDCWD %s O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC 0666", path), "", "")
	at("a flock: 0", "3 LOCK_EX|LOCK_NB", "", "a")
	at("a write: 5", `3 "7001\n"`, "7001\n", "a")
	at("a sleeps", "", "7001\n", "a")
	at("b openat: 3", fmt.Sprintf("AT_FDCWD %s O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC 0666", path), "", "a")
	at("b flock: EAGAIN", "3 LOCK_EX|LOCK_NB", "", "a")
	at("b exit: 1", "", "", "a")
	return r
}
