// Package race is the vocabulary of racefuzz. A case is what happens, a
// schedule is the order, a step is one operation, an event is a step with its
// result, and a verdict is what the events say about the invariants.
//
// Every tier produces events and every reporter renders them; this package
// knows neither.
package race

import (
	"slices"
	"strconv"
)

// PIDFile is the name of the pid file in a case's directory.
const PIDFile = "server.pid"

// Case says what happens, but not in which order.
type Case struct {
	Title  string // one sentence for people
	Tier   string // "model", "kernel", "process" or "syscall"
	Target string // the protocol or program under test
	Rules  string // "posix" or "windows": whose file system the model plays; "" in other tiers
	Files  []File // what the case's directory holds at the start
	Actors []Actor
	// Command is the program of the syscall and process tiers, empty for a
	// built-in target, and Options are the settings that its tier needs to
	// run the case again, by name.
	Command []string
	Options map[string]string
}

// File is an entry of the case's directory. Its name is relative to it.
type File struct {
	Name string
	Kind Kind
	// Content is what a regular file holds, or where a link leads. In it
	// "{stranger}" stands for the pid of a live process that is no actor and
	// "{dead}" for one of a dead process.
	Content string
	Perm    uint32 // permission bits, or 0 for the usual ones
}

// Kind is the kind of a directory entry.
type Kind string

// The kinds of directory entries.
const (
	Regular Kind = "file"
	Link    Kind = "link"
	Dir     Kind = "dir"
	FIFO    Kind = "fifo"
	// Config is a regular file that the program is set up by. In it the
	// placeholders of the command are replaced as well.
	Config Kind = "config"
)

// Actor is one process, or what plays it.
type Actor struct {
	Name   string   // "a", "b", …
	Script []string // its operations, one after the other, such as "acquire", "release", "probe"
}

// PIDFile returns the name of the case's pid file, which is [PIDFile] unless
// its options have another one.
func (c Case) PIDFile() string {
	if name, err := strconv.Unquote(c.Options["pidfile"]); err == nil {
		return name
	}
	return PIDFile
}

// OpStart is the operation by which an actor is started, in the tiers whose actors
// are started.
const OpStart = "start"

// Rounds is how often an actor is started at most, or 0 in the other tiers.
func (c Case) Rounds() (most int) {
	for _, a := range c.Actors {
		n := 0
		for _, op := range a.Script {
			if op == OpStart {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// Clone returns a copy that shares nothing with c.
func (c Case) Clone() Case {
	c.Files = slices.Clone(c.Files)
	c.Actors = slices.Clone(c.Actors)
	for i, a := range c.Actors {
		c.Actors[i].Script = slices.Clone(a.Script)
	}
	c.Command = slices.Clone(c.Command)
	options := c.Options
	c.Options = make(map[string]string, len(options))
	for k, v := range options {
		c.Options[k] = v
	}
	return c
}

// ActorName returns the name of the i-th actor: a, b, …, z, a1, b1, …
func ActorName(i int) string {
	name := string(rune('a' + i%26))
	if round := i / 26; round > 0 {
		name += string(rune('0' + round))
	}
	return name
}
