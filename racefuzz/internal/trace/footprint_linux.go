package trace

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// What a step has to do with is foretold from its call, and completed by what is
// seen to have changed when it has been made.

// processes stands for who lives.
var processes = explore.Object{Aspect: explore.Processes}

// name is that name as an object. Names that differ by whose pid or random text
// is in them from run to run are one.
func (t *tracer) name(name string) explore.Object {
	return explore.Object{Aspect: explore.Name, Name: t.lasting(name)}
}

// file is an aspect of a file, by its number.
func (t *tracer) file(aspect explore.Aspect, object int) explore.Object {
	o := explore.Object{Aspect: aspect, File: object}
	if object > 0 {
		o.Name = t.names[object-1]
	}
	return o
}

// lasting is a name as it is in every schedule and at any time.
func (t *tracer) lasting(name string) string {
	return strings.ReplaceAll(t.maskName(name), " gone}", "}")
}

// Footprint implements [explore.Footprinter].
func (r *run) Footprint() explore.Footprint { return r.foot }

// Foretell implements [explore.Foreteller].
func (r *run) Foretell(m race.Move) explore.Footprint {
	a, p := r.lane(m.Actor)
	switch {
	case m.Fault == race.Crash:
		return r.crashFootprint(a)
	case m.Op == opWait:
		return r.waitFootprint()
	case m.Fault == race.NoFault && p != nil && p.next() != nil && p.next().call.Name == m.Op:
		return r.footprintOf(p.next())
	}
	return explore.Footprint{Unknown: true}
}

// footprintOf is what a call that is about to be made is about. What it
// changes beyond that is seen when it has been made.
func (r *run) footprintOf(k *task) explore.Footprint {
	var f explore.Footprint
	c := k.call
	if c.sleeps || c.fault != 0 {
		return explore.Footprint{Unknown: true}
	}
	for i, o := range c.Operands {
		f.Unknown = f.Unknown || !r.use(&f, k, o, c.places[i])
	}
	return f
}

// use adds what a call does with one of its operands, and reports whether that
// is all.
func (r *run) use(f *explore.Footprint, k *task, o syscalls.Operand, place string) bool {
	switch {
	case o.Kind == syscalls.FDs, o.Kind == syscalls.Self, o.Does&syscalls.Drops != 0:
		f.Write(r.locksHeld(k.proc.actor)...)
		return true
	case o.Kind == syscalls.Path && place != "":
		return r.useName(f, k.call, o, place)
	case o.Kind == syscalls.FD && place != "":
		object, known := r.objectBehind(k.tid, int(int32(k.call.args[o.Arg])))
		if known {
			r.useObject(f, o.Does, object)
		}
		return known
	case o.Kind == syscalls.Path, o.Kind == syscalls.FD:
		if k.call.target != 0 {
			f.Read(processes)
		}
		return true // what lies outside, or in the directory of a process
	}
	f.Read(processes)
	return o.Does == syscalls.SeesLife
}

// useName adds what a call does with a name and what it stands for.
func (r *run) useName(f *explore.Footprint, c call, o syscalls.Operand, place string) bool {
	if o.Does&syscalls.Executes != 0 { // what it executes lies elsewhere
		return false
	}
	entry, there := r.scene.entry(place)
	if place == "." {
		there = true
	}
	if !r.watched(place, there) || entry.kind == race.Link && o.FollowsLink(c.args) {
		return false
	}
	f.Read(r.lookUp(place)...)
	const names = syscalls.Creates | syscalls.Makes | syscalls.Puts | syscalls.Takes
	switch {
	case o.Does&syscalls.Makes != 0 && there, o.Does&syscalls.Takes != 0 && !there: // it fails
		return true
	case o.Does&syscalls.Creates != 0 && !there, o.Does&(names&^syscalls.Creates) != 0:
		f.Write(r.name(place), r.entriesOf(path.Dir(place)))
	}
	if !there {
		return true
	}
	r.useObject(f, o.Does, entry.object)
	if entry.kind == race.Dir {
		f.Read(r.entriesOf(place))
	}
	return true
}

// useObject adds what a call does with a file that is there.
func (r *run) useObject(f *explore.Footprint, does syscalls.Use, object int) {
	for _, u := range uses {
		if does&u.does == 0 {
			continue
		}
		for _, aspect := range u.reads {
			f.Read(r.file(aspect, object))
		}
		for _, aspect := range u.writes {
			f.Write(r.file(aspect, object))
		}
	}
}

// uses say which aspects of a file a call looks at and changes. How many names
// it has counts as its mode. Who asks for a lock may get it, which is seen then.
var uses = []struct {
	does          syscalls.Use
	reads, writes []explore.Aspect
}{
	{does: syscalls.SeesNode, reads: []explore.Aspect{explore.Content, explore.Mode, explore.Times}},
	{does: syscalls.SeesMode | syscalls.Opens, reads: []explore.Aspect{explore.Mode}},
	{does: syscalls.SeesContent, reads: []explore.Aspect{explore.Content}},
	{does: syscalls.SeesEntries, reads: []explore.Aspect{explore.Entries}},
	{does: syscalls.SeesLocks | syscalls.Locks, reads: []explore.Aspect{explore.Locks}},
	{does: syscalls.Writes, writes: []explore.Aspect{explore.Content, explore.Times}},
	{does: syscalls.SetsMode, writes: []explore.Aspect{explore.Mode, explore.Times}},
	{does: syscalls.SetsTimes, writes: []explore.Aspect{explore.Times}},
	{does: syscalls.Links | syscalls.Takes | syscalls.Puts, writes: []explore.Aspect{explore.Mode, explore.Times}},
}

// entriesOf stands for a directory's entries.
func (r *run) entriesOf(dir string) explore.Object {
	entry, _ := r.scene.entry(dir)
	return r.file(explore.Entries, entry.object)
}

// watched reports whether all that bears on a name is looked at: nothing of it
// lies behind a link.
func (r *run) watched(name string, there bool) bool {
	if name == "" || r.scene.cut && !there && path.Dir(name) != "." {
		return false
	}
	for name = path.Dir(name); name != "."; name = path.Dir(name) {
		if dir, there := r.scene.entry(name); there && dir.kind != race.Dir {
			return false
		}
	}
	return true
}

// lookUp are the names that are looked at to find one.
func (r *run) lookUp(name string) []explore.Object {
	objects := []explore.Object{r.name(name)}
	for path.Dir(name) != "." {
		name = path.Dir(name)
		objects = append(objects, r.name(name))
	}
	return objects
}

// objectBehind is the number of the file that a descriptor stands for.
func (r *run) objectBehind(tid, fd int) (object int, known bool) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(tid)+"/fd/"+strconv.Itoa(fd), &st); err != nil {
		return 0, false
	}
	object, known = r.inodes[st.Ino]
	return object, known
}

// changed adds what is seen to have changed.
func (r *run) changed(f *explore.Footprint, before scene) {
	for _, e := range before.all() {
		now, there := r.scene.entry(e.name)
		switch {
		case !there || now.object != e.object || now.kind != e.kind:
			f.Write(r.name(e.name), r.entriesOf(path.Dir(e.name)), r.file(explore.Content, e.object))
		case now.content != e.content || now.size != e.size:
			f.Write(r.file(explore.Content, e.object))
		}
	}
	for _, e := range r.scene.all() {
		if _, there := before.entry(e.name); !there {
			f.Write(r.name(e.name), r.entriesOf(path.Dir(e.name)))
		}
	}
	for inode, object := range r.inodes {
		if before.holders(inode) != r.scene.holders(inode) {
			f.Write(r.file(explore.Locks, object))
		}
	}
}

// changes reports whether the call that k is about to make may change what
// other processes see.
func (r *run) changes(k *task) bool {
	if !k.call.Changes() {
		return false
	}
	if !slices.ContainsFunc(k.call.Operands, func(o syscalls.Operand) bool { return o.Kind == syscalls.Path }) {
		return true
	}
	return !r.footprintOf(k).OnlyLooks()
}

// crashFootprint is what the end of an actor has to do with.
func (r *run) crashFootprint(a *actor) explore.Footprint {
	return explore.Footprint{Writes: append(r.locksHeld(a), processes), Visible: true}
}

// waitFootprint is what waiting has to do with: the server is gone, and no file
// is touched.
func (r *run) waitFootprint() explore.Footprint {
	f := explore.Footprint{Reads: []explore.Object{processes}, Visible: true}
	for object := range r.exclusive {
		f.Read(r.file(explore.Locks, object))
	}
	return f
}

func (r *run) locksHeld(a *actor) []explore.Object {
	var held []explore.Object
	for _, h := range r.scene.locks {
		if race.ActorOf(h.lane) == a.name {
			held = append(held, r.file(explore.Locks, r.inodes[h.inode]))
		}
	}
	return held
}
