package trace

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// A start that is at rest serves, or it waits for its turn: until some time has
// passed, or a file, a process or a child of its own has changed. Who has what a
// server has that is alone does not wait, and neither does who waits for work.

// freshTries is how often an actor may try the same in new processes until it is
// taken for one that does so for ever.
const freshTries = 2

// mostLooks is how often a start may do the same with short naps in between, though
// nothing is refused to it, until it is taken for one that waits for another answer.
const mostLooks = 20

// mostNaps is how often a start that is learned from may sleep: a server that
// sleeps from time to time does so more often.
const mostNaps = 2

// serves reports whether an actor whose start is at rest, and was given its time,
// is a server.
func (r *run) serves(a *actor) bool {
	if r.learning && a.naps < mostNaps && a.dozes() { // it may go on
		return false
	}
	return r.arrived(a) || r.restFor(a) >= waitsSignal
}

// arrived reports whether that is so whatever it waits for.
func (r *run) arrived(a *actor) bool {
	return r.settings.Losers == "serve" || r.ready != nil || r.hasGot(a)
}

// hasGot reports whether an actor has done what it does as a server alone: put its
// pid into the file if it is to be there, and otherwise got a lock, or all that it
// asked for.
func (r *run) hasGot(a *actor) bool {
	if r.settings.Content != "" {
		return a.named || r.isNamed(a)
	}
	return len(r.asks(a, nil, true)) == 0 || slices.ContainsFunc(a.procs, func(p *process) bool {
		return !p.orphan && slices.ContainsFunc(r.locksOf(p), func(h held) bool { return !h.shared })
	})
}

// isNamed reports whether the pid file names a process of the actor by now.
func (r *run) isNamed(a *actor) bool {
	path := r.path(r.settings.PIDName())
	text := readlink(path)
	if text == "" {
		text = string(slurp(path))
	}
	return strings.Contains(r.mask(text), "{"+a.name)
}

// asks counts the calls that an actor has made since it started, or, for a process
// of it, since another moved or another process of its own changed a file: all, or
// those that were refused and not granted later.
func (r *run) asks(a *actor, of *process, refused bool) map[string]int {
	asks := map[string]int{}
	note := func(op, words, result string) {
		words, _, _ = strings.Cut(words, noteMark)
		switch ask := op + " " + words; {
		case !refused || refusals[result] && words != ".":
			asks[ask]++
		case result == "ok":
			delete(asks, ask)
		}
	}
	from := 0
	for i, e := range r.events {
		begins := e.Actor == a.name && e.Op == opStart
		if begins || of != nil && (race.ActorOf(e.Actor) != a.name || e.Actor != of.lane && changed(e)) {
			from = i + 1
		}
	}
	for _, e := range r.events[from:] {
		if race.ActorOf(e.Actor) == a.name {
			note(e.Op, e.Detail, e.Result)
		}
	}
	if k := r.latest; k != nil && k.done && k.proc.actor == a {
		note(k.made.Name, k.made.words, k.outcome)
	}
	return asks
}

// awaitTry gives an actor that waits in its start for some time to pass the time to
// go on. If it then is about to do what it has done before, it is parked until
// another moves; who begins a new process for each try, after so many of them.
func (r *run) awaitTry(a *actor) error {
	if a.phase != starting || r.parked(a) || r.clock != nil {
		return nil
	}
	napped := r.napped && !r.hasGot(a)
	r.slept = r.slept || napped
	if !a.active() && r.running(a) {
		rest := r.restFor(a)
		goesOn := func() bool { return a.active() || !r.running(a) }
		if r.learning && rest == waitsTime && a.naps < mostNaps && r.wakes(a) {
			a.naps++
			r.idle(a, takeover, goesOn)
			r.slept = r.slept || a.active()
			return nil
		}
		if rest == waitsTurn || rest == waitsWork || r.arrived(a) {
			return nil
		}
		if r.wakes(a) {
			r.idle(a, takeover, goesOn)
			r.slept = r.slept || goesOn()
		}
		if !goesOn() {
			if rest == waitsSignal {
				return nil
			}
			return &race.UnclearError{Program: r.c.Target, Actor: a.name}
		}
		a.slept = true
	}
	for _, p := range a.procs {
		if k := p.next(); k != nil && !p.orphan && (a.slept || napped || !p.moved) {
			ask := k.call.Name + " " + k.call.words
			made, refused := r.asks(a, p, false)[ask], r.asks(a, p, true)
			looks := napped && len(refused) == 0 && made >= mostLooks
			if p.parked = a.slept && made > 0 || looks || !p.moved && refused[ask] >= freshTries; p.parked && !r.tier.wantsClock {
				r.notice(a, "sleeps between its tries")
			}
		}
	}
	return nil
}

// parked reports whether a process of the actor's present round tries for ever.
func (r *run) parked(a *actor) bool {
	return slices.ContainsFunc(a.procs, func(p *process) bool { return p.parked && !p.orphan })
}

// waitsFor says for what an actor, a process or a thread waits.
type waitsFor int

const (
	waitsTurn   waitsFor = iota // that a process or a file changes
	waitsTime                   // that some time passes
	waitsSignal                 // that a signal comes, which may be one of time
	waitsWork                   // that somebody wants something of it
)

// restFor says for what an actor that is at rest waits: for work if any of its
// threads does, and so on.
func (r *run) restFor(a *actor) waitsFor {
	most := waitsTurn
	for _, p := range a.procs {
		for _, k := range p.tasks {
			switch {
			case p.orphan || k.state != running:
			case k.wait != nil && k.wait.Does == syscalls.Sleeps:
				most = max(most, waitsTime)
			case k.wait != nil && k.wait.until < never:
				most = max(most, waitsTime, restFor(k.tid))
			default:
				most = max(most, restFor(k.tid))
			}
		}
	}
	return most
}

// wakes reports whether an actor that lets time pass may go on within the time
// that it is given, as far as is known.
func (r *run) wakes(a *actor) bool {
	return slices.ContainsFunc(a.procs, func(p *process) bool {
		return !p.orphan && slices.ContainsFunc(p.tasks, func(k *task) bool {
			nap, timed := napOf(k.tid, slurp("/proc/"+strconv.Itoa(k.tid)+"/syscall"))
			return restFor(k.tid) >= waitsTime && (!timed || nap <= takeover)
		})
	})
}

// restFor says for what a sleeping thread waits.
func restFor(tid int) waitsFor {
	line := slurp("/proc/" + strconv.Itoa(tid) + "/syscall")
	fields := bytes.Fields(line)
	if len(fields) < 7 {
		return waitsTurn
	}
	nr, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		return waitsTurn
	}
	arg := func(i int) uint64 {
		v, _ := strconv.ParseUint(strings.TrimPrefix(string(fields[1+i]), "0x"), 16, 64)
		return v
	}
	_, timed := napOf(tid, line)
	least := waitsTurn
	if timed {
		least = waitsTime
	}
	switch naps[nr] {
	case "futex":
		return least
	case "clock_nanosleep":
		return waitsTime
	case "epoll_wait":
		for text := range strings.Lines(string(slurp("/proc/" + strconv.Itoa(tid) + "/fdinfo/" + strconv.Itoa(int(arg(0)))))) {
			if f := strings.Fields(text); len(f) > 1 && f[0] == "tfd:" {
				least = max(least, waitsAt(tid, f[1]))
			}
		}
		return least
	case "poll", "ppoll":
		const each = 8 // struct pollfd
		table := make([]byte, min(arg(1), 1024)*each)
		peek(tid, uintptr(arg(0)), table)
		for ; len(table) > 0; table = table[each:] {
			if fd := int32(binary.NativeEndian.Uint32(table)); fd >= 0 {
				least = max(least, waitsAt(tid, strconv.Itoa(int(fd))))
			}
		}
		return least
	case "select", "pselect6":
		set := make([]byte, (min(arg(0), 1024)+7)/8)
		if arg(1) != 0 {
			peek(tid, uintptr(arg(1)), set)
			for fd := range 8 * len(set) {
				if set[fd/8]&(1<<(fd%8)) != 0 {
					least = max(least, waitsAt(tid, strconv.Itoa(fd)))
				}
			}
		}
		return least
	}
	switch nr {
	case unix.SYS_NANOSLEEP, unix.SYS_RESTART_SYSCALL:
		return waitsTime
	case unix.SYS_WAIT4, unix.SYS_WAITID:
		return waitsTurn
	case unix.SYS_READ, unix.SYS_READV:
		return waitsAt(tid, strconv.Itoa(int(arg(0))))
	case unix.SYS_RT_SIGSUSPEND, unix.SYS_RT_SIGTIMEDWAIT, sysPause:
		return waitsSignal
	}
	return waitsWork
}

// waitsAt says for what a thread waits that waits at a descriptor: for work at its
// input, a socket or what is not known, but not at a pipe of its own, or where it is
// told of files, processes and time.
func waitsAt(tid int, fd string) waitsFor {
	base := "/proc/" + strconv.Itoa(tid) + "/fd/"
	switch what := readlink(base + fd); {
	case what == "anon_inode:[timerfd]", what == "anon_inode:[signalfd]":
		return waitsSignal
	case strings.HasPrefix(what, "anon_inode:"), strings.HasPrefix(what, "pipe:") && fd != "0" && what != readlink(base+"0"):
		return waitsTurn
	}
	return waitsWork
}
