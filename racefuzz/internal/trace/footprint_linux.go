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

// births stands for who begins to live, which only a list of all tells.
var births = explore.Object{Aspect: explore.Processes}

// life stands for whether a process lives.
func life(p *process) explore.Object {
	return explore.Object{Aspect: explore.Processes, File: p.number}
}

// lives are what a call looks at that is about a process, or about all. Of one
// that is none of the case's, nothing ever changes.
func (r *run) lives(target int) (objects []explore.Object) {
	if p := r.pids[max(target, -target)]; p != nil && target > 0 {
		return []explore.Object{life(p)}
	}
	if target <= 0 {
		objects = append(objects, births)
		for _, p := range r.pids {
			objects = append(objects, life(p))
		}
	}
	return objects
}

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
	case o.Kind == syscalls.Path && place != "", o.Kind == syscalls.Address && place != "", o.Kind == syscalls.Cwd && place != "":
		return r.useName(f, k.call, o, place)
	case o.Kind == syscalls.FD && place != "":
		object, known := r.objectBehind(k.tid, int(int32(k.call.args[o.Arg])))
		if known {
			r.useObject(f, o.Does, object)
		}
		return known
	case o.Kind == syscalls.Path, o.Kind == syscalls.FD, o.Kind == syscalls.Address, o.Kind == syscalls.Cwd:
		if k.call.target != 0 {
			f.Read(r.lives(k.call.target)...)
		}
		return true // what lies outside, or in the directory of a process
	}
	f.Read(r.lives(k.call.target)...)
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
	renamed := entry.kind == race.Dir && len(c.Operands) > 1 // with all that is below
	if !r.watched(place) || entry.kind == race.Link && o.FollowsLink(c.args) || renamed {
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
func (r *run) watched(name string) bool {
	if name == "" {
		return false
	}
	for name = path.Dir(name); name != "." && name != "/"; name = path.Dir(name) {
		if dir, there := r.scene.entry(name); there && dir.kind != race.Dir {
			return false
		}
	}
	return true
}

// lookUp are the names that are looked at to find one.
func (r *run) lookUp(name string) []explore.Object {
	objects := []explore.Object{r.name(name)}
	for path.Dir(name) != "." && path.Dir(name) != "/" {
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
func (r *run) changed(f *explore.Footprint, changes []change, locks []held) {
	for _, c := range changes {
		f.Write(r.aspects(c)...)
	}
	for inode, object := range r.inodes {
		if holders(locks, inode) != holders(r.scene.locks, inode) {
			f.Write(r.file(explore.Locks, object))
		}
	}
}

// unforeseen tells of changes that the last step, of a, cannot have made by its
// call. Then there was another call that nobody saw.
func (r *run) unforeseen(a *actor, changes []change) (notes []string) {
	if r.watch.lost {
		r.notice(a, "does more at once than can be followed")
	}
	for _, c := range changes {
		if r.foretold.Unknown || !slices.ContainsFunc(r.aspects(c), r.beyond) {
			continue
		}
		note := "an unseen call changed " + r.maskName(c.name)
		notes = append(notes, note)
		r.notice(a, "is not seen whole: "+note+" between two steps")
	}
	return notes
}

// beyond reports whether something has changed that was not foretold.
func (r *run) beyond(o explore.Object) bool {
	return o.Aspect != explore.Entries && !slices.Contains(r.foretold.Writes, o)
}

// aspects are what has changed of a file or a name.
func (r *run) aspects(c change) (objects []explore.Object) {
	if c.moved() {
		objects = append(objects, r.name(c.name), r.entriesOf(path.Dir(c.name)))
		if c.was {
			objects = append(objects, r.file(explore.Mode, c.old.object), r.file(explore.Times, c.old.object))
		}
		return objects
	}
	object := c.now.object
	switch {
	case c.now.kind == race.Dir:
	case c.old.whole.rest != c.now.whole.rest || c.old.size != c.now.size || !slices.Equal(c.old.whole.pids, c.now.whole.pids):
		objects = append(objects, r.file(explore.Content, object), r.file(explore.Times, object))
	}
	if (c.old.mode != c.now.mode || c.old.links != c.now.links || c.old.uid != c.now.uid || c.old.gid != c.now.gid) && c.now.kind != race.Dir {
		objects = append(objects, r.file(explore.Mode, object), r.file(explore.Times, object))
	}
	return objects
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
	f := explore.Footprint{Writes: r.locksHeld(a), Visible: true}
	if p := a.victim(); p != nil {
		f.Write(life(p))
	}
	return f
}

// waitFootprint is what waiting has to do with: the server is gone, and no file
// is touched.
func (r *run) waitFootprint() explore.Footprint {
	f := explore.Footprint{Reads: r.lives(-1), Visible: true}
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
