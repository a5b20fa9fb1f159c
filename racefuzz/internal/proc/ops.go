package proc

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// The words of a script. An actor has at most one server at a time; what
// needs one and finds none does nothing, so that any part of a script is a
// script.
const (
	opStart      = race.OpStart
	opHosted     = "start-hosted" // through a host that can die
	opInitialize = "initialize"
	opReady      = "ready"  // wait until a program serves
	opRole       = "role"   // mem_status
	opAdd        = "add"    // mem_add
	opList       = "list"   // mem_list
	opBurst      = "burst"  // mem_add several times without waiting for answers
	opSettle     = "settle" // wait until the pid file names a live server
	opWait       = "wait"   // wait=20ms: let time pass
	opMeet       = "meet"   // wait for the others
	opLast       = "last"   // wait until the others have finished
	opLook       = "look"   // at the directory of the pid file
	opStatus     = "status" // the command
	opUninstall  = "uninstall"
	opForce      = "uninstall-force"
	opCut        = "uninstall-cut" // killed as soon as it has changed something
	opHome       = "look-home"
	opReads      = "reads"  // read the pid file until the others have finished
	opProbes     = "probes" // the same with probes

	opEOF       = "eof"
	opTerm      = "term"
	opInt       = "int"
	opHup       = "hup"
	opKill      = "kill"
	opAgain     = "term-again"     // SIGTERM, and again until it has ended
	opHostDies  = "host-dies"      // the host is killed
	opHostAlone = "host-dies-held" // and somebody else has the pipes open

	// What is not done but happens.
	opRead      = "read"
	opProbe     = "probe"
	opExit      = "exit"
	opSilent    = "silent" // it has closed its files and may have ended
	opOutlives  = "outlives"
	opClobbered = "find"
)

// Results with a meaning.
const (
	ok       = "ok"
	holder   = "holder"
	standby  = "standby"
	nobody   = "nobody" // is named
	blocked  = "blocked"
	finished = "done"
	refused  = "refused"
	nothing  = "nothing"
)

var words = map[string]func(a *actor){
	opStart:      func(a *actor) { a.start(false) },
	opHosted:     func(a *actor) { a.start(true) },
	opInitialize: (*actor).initialize,
	opReady:      (*actor).ready,
	opRole:       (*actor).role,
	opAdd:        (*actor).add,
	opList:       (*actor).list,
	opBurst:      (*actor).burst,
	opSettle:     (*actor).settle,
	opMeet:       func(a *actor) { a.await(a.w.meeting.come()) },
	opLast:       func(a *actor) { a.w.working.Wait() },
	opLook:       func(a *actor) { a.look(filepath.Join(a.w.dir, "run"), opLook) },
	opHome:       func(a *actor) { a.look(a.w.store(), opHome) },
	opStatus:     (*actor).status,
	opUninstall:  func(a *actor) { a.uninstall(opUninstall) },
	opForce:      func(a *actor) { a.uninstall(opForce, "--force") },
	opCut:        func(a *actor) { a.uninstall(opCut) },
	opReads:      (*actor).reads,
	opProbes:     (*actor).probes,
	opEOF:        func(a *actor) { a.stop(opEOF) },
	opTerm:       func(a *actor) { a.stop(opTerm) },
	opInt:        func(a *actor) { a.stop(opInt) },
	opHup:        func(a *actor) { a.stop(opHup) },
	opKill:       func(a *actor) { a.stop(opKill) },
	opAgain:      func(a *actor) { a.stop(opAgain) },
	opHostDies:   func(a *actor) { a.stop(opHostDies) },
	opHostAlone:  func(a *actor) { a.stop(opHostAlone) },
}

var stops = []string{opEOF, opTerm, opInt, opHup, opKill, opAgain, opHostDies, opHostAlone}

func isStop(op string) bool { return slices.Contains(stops, op) }

// inOrder reports whether a server that was stopped so can clean up.
func inOrder(op string) bool { return isStop(op) && op != opKill }

// watches reports whether a does nothing but watch until the others finish.
func watches(a race.Actor) bool {
	return slices.Contains(a.Script, opReads) || slices.Contains(a.Script, opProbes)
}

func waitsForAll(a race.Actor) bool { return slices.Contains(a.Script, opLast) || watches(a) }

// suits reports whether an operation can be done with a server: a program that
// nobody here wrote can be started, stopped and watched, and no other one is
// asked whether it is ready.
func suits(word string, program bool) bool {
	if program {
		return isStop(word) || slices.Contains([]string{opStart, opReady, opSettle, opMeet, opLast, opLook, opReads}, word)
	}
	return word != opReady
}

// check refuses scripts that cannot be played.
func check(c race.Case) error {
	for _, a := range c.Actors {
		for _, word := range a.Script {
			if d, found := strings.CutPrefix(word, opWait+"="); found {
				if _, err := time.ParseDuration(d); err != nil {
					return fmt.Errorf("actor %s: %w", a.Name, err)
				}
			} else if words[word] == nil || !suits(word, len(c.Command) > 0) {
				return fmt.Errorf("actor %s: unknown operation %q", a.Name, word)
			}
		}
	}
	return nil
}

// actor is somebody who follows a script.
type actor struct {
	w    *world
	ctx  context.Context
	name string
	life *life // its server, or nil
}

func (a *actor) play(script []string) {
	for _, word := range script {
		if a.ctx.Err() != nil {
			return
		}
		if d, found := strings.CutPrefix(word, opWait+"="); found {
			pause, _ := time.ParseDuration(d)
			a.sleep(pause)
		} else {
			words[word](a)
		}
	}
	if a.w.program != nil {
		a.stop(a.w.program.Stop)
	} else {
		a.stop(opEOF)
	}
}

func (a *actor) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-a.ctx.Done():
	}
}

func (a *actor) await(c <-chan struct{}) {
	select {
	case <-c:
	case <-a.ctx.Done():
	}
}

// server returns the actor's server, or nil if there is none that runs.
func (a *actor) server() *life {
	if a.life == nil {
		return nil
	}
	select {
	case <-a.life.ended:
		a.life = nil
	default:
	}
	return a.life
}

// note records an event about l that ended at the given time.
func (a *actor) note(l *life, op, result string, began, at time.Duration) *event {
	e := event{Event: step(a.name, op, result), began: began}
	e.Time = at
	if l != nil {
		e.life = l.n
	}
	return &e
}
