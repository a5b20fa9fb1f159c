package main

import (
	"path"
	"slices"
	"strings"
)

// library is what is tried, how its daemon is run, and what is true of it.
type library struct {
	Name      string
	What      string // it is, and how it is used
	Language  string
	Version   string   // where it is pinned, and not that of the package
	Debian    []string // the packages that are needed, the library's first
	Link      string   // how a C program is linked
	Flags     []string // of racefuzz, which say where its lock is
	Also      []string // those that find what these do not, in the time
	Command   []string
	Want      []string // the invariants of which one is broken, or none
	Missed    bool     // it is not always found in the time, or not to be reproduced
	Judgement string
	Remark    string
	Report    string // the address of a public report
}

// The judgements.
const (
	bug    = "bug"
	design = "by design"
	misuse = "misuse"
	clean  = "clean"
)

func (l library) witness() string { return path.Join(witnesses, l.Name+".txtar") }

// arguments are those of racefuzz.
func (l library) arguments() []string {
	return append(append(slices.Clone(l.Flags), "--"), l.Command...)
}

// wanted are the invariants that may be found broken; "" stands for none.
func (l library) wanted() []string {
	if len(l.Want) == 0 {
		return []string{""}
	}
	if l.Missed {
		return append(slices.Clone(l.Want), "")
	}
	return l.Want
}

func place(name string) int {
	return slices.IndexFunc(libraries, func(l library) bool { return l.Name == name })
}

func words(text string) []string { return strings.Fields(text) }

// Where locks are that are not the pid file itself: such a start may empty a
// dead one's pid file, for it has the lock.
var (
	inPlace = words("-may-empty")
	beside  = words("-may-empty -lockfile server.pid.lock")
	short   = words("-rounds 1 -crash 0 -preempt 1")
)

// byPID adds what passes over that a dead one's pid, once another process has
// it, bars every start: it is by design of all that ask whether a pid lives.
func byPID(flags ...string) []string {
	return append(slices.Clone(flags), "-pass", "I4 does not start although nobody runs")
}

var libraries = slices.Concat(compiled, scripted, shells)
