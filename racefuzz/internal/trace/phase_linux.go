package trace

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/judge"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// advance moves the actors on to the phase they have come to and returns what
// people should know of it.
func (r *run) advance() []string {
	var notes []string
	for _, a := range r.actors {
		a.bury()
		switch a.phase {
		case starting, waking:
			if r.settings.Ready == "exit" && a.first.ended && !a.returned && a.first.status.ExitStatus() == 0 && r.running(a) {
				a.returned = true
				r.teller.returned = append(r.teller.returned, a.name)
			}
			if r.alive(a) == 0 {
				r.ended = ending(a.first)
				notes = append(notes, a.name+" ends: "+ending(a.first))
				r.leave(a)
			} else if !a.active() && r.isReady(a) && (a.phase == waking || r.serves(a)) {
				a.phase = serving
				a.server = r.serverOf(a)
				for _, p := range a.procs {
					if k := p.next(); k != nil && p.parked && !r.hold {
						r.patrol(k)
					}
				}
				notes = append(notes, a.name+" serves")
			}
		case probing, visiting:
			if r.alive(a) == 0 {
				notes = append(notes, a.name+" ends: "+ending(a.first))
				if a.phase == probing {
					r.teller.answered[a.name] = r.answer(a)
				}
				if r.tier.commands != nil { // how it ended is still to be judged
					a.phase = absent
				} else {
					r.leave(a)
				}
			}
		case serving, stopping:
			if a.server.ended {
				notes = append(notes, a.name+" ends: "+ending(a.server))
				r.leave(a)
			} else if a.phase == stopping && !a.active() && !a.dozes() {
				r.teller.deaf = append(r.teller.deaf, a.name)
			}
		}
	}
	return notes
}

// answer is what a probe said, by its exit status as init scripts have it, and
// the pid it named.
func (r *run) answer(a *actor) answer {
	status := a.first.status
	said := answer{actor: -1, running: status.ExitStatus() == 0, certain: status.Exited() && status.ExitStatus() <= 3}
	said.pid = number.FindString(string(slurp(r.outputOf(a))))
	if pid, err := strconv.Atoi(said.pid); err == nil && r.pids[pid] != nil {
		said.actor, said.round = r.pids[pid].actor.index, r.pids[pid].round
	}
	return said
}

var number = regexp.MustCompile(`[0-9]+`)

func ending(p *process) string {
	if p.status.Signaled() {
		return unix.SignalName(p.status.Signal())
	}
	return "exit " + strconv.Itoa(p.status.ExitStatus())
}

// alive counts the processes of this round.
func (r *run) alive(a *actor) int {
	n := 0
	for _, p := range a.procs {
		if !p.orphan {
			n++
		}
	}
	return n
}

// running reports whether a process of this round lives.
func (r *run) running(a *actor) bool {
	return slices.ContainsFunc(a.procs, func(p *process) bool { return !p.orphan && !p.ended })
}

func (r *run) isReady(a *actor) bool {
	switch {
	case r.ready != nil:
		return r.ready.Match(slurp(r.outputOf(a)))
	case r.settings.Ready == "file":
		_, there := r.scene.entry(r.settings.PIDName())
		return there
	case r.settings.Ready == "exit":
		return a.first.ended
	}
	return true
}

// recorded is the pid in the pid file, or 0.
func (r *run) recorded() int {
	e, _ := r.scene.entry(r.settings.PIDName())
	pid, _ := strconv.Atoi(strings.TrimSpace(firstLine(e.content)))
	return pid
}

// serverOf is the process that is recorded, or else the oldest.
func (r *run) serverOf(a *actor) *process {
	pid := r.recorded()
	var oldest *process
	for _, p := range a.procs {
		if p.orphan {
			continue
		}
		if p.pid == pid {
			return p
		}
		if oldest == nil {
			oldest = p
		}
	}
	return oldest
}

// show puts into an event what the pid file holds and who has its lock.
func (r *run) show(e *race.Event) {
	e.File = "-"
	if file, ok := r.scene.entry(r.settings.PIDName()); ok {
		e.File, e.Inode = strings.TrimSuffix(r.mask(file.content), "\n"), file.object
	}
	locked := r.settings.PIDName()
	if r.settings.LockFile != "" {
		locked = r.settings.LockFile
	}
	file, _ := r.scene.entry(locked)
	e.Lock = holders(r.scene.locks, file.inode)
	var orphans []string
	for _, h := range r.scene.locks {
		text := fmt.Sprintf("%d %s", r.inodes[h.inode], holders(r.scene.locks, h.inode))
		if !r.scene.named(h.inode) && !slices.Contains(orphans, text) {
			orphans = append(orphans, text)
		}
	}
	e.Orphans = strings.Join(orphans, ", ")
}

// stuck reports whether an actor is in its start or its stop, and nobody will ever
// move again.
func (r *run) stuck() bool {
	waits := false
	for _, a := range r.actors {
		waits = waits || a.phase == starting || a.phase == stopping
		if slices.ContainsFunc(a.procs, func(p *process) bool { return p.next() != nil && !p.parked }) {
			return false
		}
	}
	return waits && len(r.Moves()) == 0
}

// orphansLock reports whether what is left of a server has a lock that others may
// wait for.
func (r *run) orphansLock() bool {
	return slices.ContainsFunc(r.scene.locks, func(h held) bool {
		_, p := r.lane(h.lane)
		return p != nil && p.orphan
	})
}

// view is what the teller sees.
func (r *run) view(before judge.File) view {
	v := view{event: len(r.events) - 1, before: before, after: r.pidFile(), left: r.scene.children(), over: true}
	recorded := r.recorded()
	for _, a := range r.actors {
		s := standing{name: a.name, round: a.round, phase: a.phase}
		for _, h := range r.scene.locks {
			s.locks = s.locks || race.ActorOf(h.lane) == a.name && !h.shared && r.exclusive[r.inodes[h.inode]]
		}
		v.actors = append(v.actors, s)
		v.over = v.over && a.phase == absent && (a.op() == "" || a.op() == opHalt)
		v.helpers = v.helpers || slices.ContainsFunc(a.procs, func(p *process) bool {
			return p.bereft && (p.next() != nil || p.pid == recorded || p.heir && slices.ContainsFunc(r.scene.locks, func(h held) bool { return h.lane == p.lane }))
		})
	}
	return v
}

// pidFile is the pid file as the judge is told of it.
func (r *run) pidFile() judge.File {
	e, ok := r.scene.entry(r.settings.PIDName())
	return judge.File{Object: e.object, Content: r.mask(e.content), Readable: ok}
}
