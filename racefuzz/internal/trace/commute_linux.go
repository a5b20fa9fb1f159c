package trace

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
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
	case m.Fault == race.NoFault && p != nil && p.next() != nil && p.next().call.name == m.Op:
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
	switch c.name {
	case "open", "openat", "creat", "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "truncate":
		entry, there := r.scene.entry(c.file)
		if !r.watched(c.file, there) || entry.kind == race.Link {
			return explore.Footprint{Unknown: true}
		}
		f.Read(r.lookUp(c.file)...)
		switch {
		case !there && c.openFlags()&unix.O_CREAT != 0:
			f.Write(r.name(c.file), r.entriesOf(path.Dir(c.file)))
		case !there:
		case c.name == "truncate" || c.openFlags()&unix.O_TRUNC != 0:
			f.Write(r.file(explore.Content, entry.object))
		case entry.kind == race.Dir:
			f.Read(r.file(explore.Content, entry.object), r.entriesOf(c.file))
		default:
			f.Read(r.file(explore.Content, entry.object))
		}
	case "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat":
		return r.namesFootprint(c)
	case "getdents64":
		if _, there := r.scene.entry(c.file); !there && c.file != "." {
			return explore.Footprint{Unknown: true}
		}
		f.Read(r.entriesOf(c.file), processes)
	case "fstat", "read", "pread64", "write", "pwrite64", "writev", "pwritev", "ftruncate", "flock", "fcntl":
		object, known := r.objectBehind(k.tid, int(int32(c.args[c.fd])))
		if !known {
			return explore.Footprint{Unknown: true}
		}
		switch c.name {
		case "fstat":
			f.Read(r.file(explore.Content, object))
		case "read", "pread64":
			f.Read(r.file(explore.Content, object), processes)
		case "flock", "fcntl":
			f.Read(r.file(explore.Locks, object))
		default:
			f.Write(r.file(explore.Content, object))
		}
	case "close", "execve", "exit_group": // they drop locks
		f.Writes = r.locksHeld(k.proc.actor)
	case "kill":
		if c.args[1] != 0 {
			return explore.Footprint{Unknown: true}
		}
		f.Read(processes)
	default:
		return explore.Footprint{Unknown: true}
	}
	return f
}

// namesFootprint is what a call that makes, moves or removes names is about.
func (r *run) namesFootprint(c call) (f explore.Footprint) {
	for _, name := range []string{c.file, c.second} {
		if name == "" || name == "." {
			continue
		}
		entry, there := r.scene.entry(name)
		if !r.watched(name, there) {
			return explore.Footprint{Unknown: true}
		}
		f.Read(r.lookUp(name)...)
		if c.path[1] < 0 && c.makes() == there { // it fails: there is nothing to take away, or something in the way
			continue
		}
		f.Write(r.name(name), r.entriesOf(path.Dir(name)))
		if there {
			f.Write(r.file(explore.Content, entry.object))
		}
		if entry.kind == race.Dir {
			f.Read(r.entriesOf(name))
		}
	}
	return f
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

// makes reports whether the call makes a name, which must not be there.
func (c call) makes() bool {
	switch c.name {
	case "symlink", "symlinkat", "mkdir", "mkdirat":
		return true
	}
	return false
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

// sleeper is a move that was made, or put down to be made, before those of
// others, and need not be made after them as long as it commutes with all of
// these.
type sleeper struct {
	lane  string
	crash bool
	foot  explore.Footprint
}

func (s sleeper) is(m race.Move) bool {
	return s.lane == m.Actor && (s.crash && m.Fault == race.Crash || !s.crash && m.Fault == race.NoFault)
}

// stillAsleep are the sleepers that sleep on after a move with that footprint.
func stillAsleep(all []sleeper, m race.Move, f explore.Footprint) []sleeper {
	var out []sleeper
	for _, s := range all {
		own := s.lane == m.Actor
		if s.crash || m.Fault == race.Crash {
			own = actorOf(s.lane) == actorOf(m.Actor)
		}
		if !own && s.foot.Commutes(f) {
			out = append(out, s)
		}
	}
	return out
}

// changes reports whether the call that k is about to make may change what
// other processes see.
func (r *run) changes(k *task) bool {
	if !k.call.changes() {
		return false
	}
	if k.call.path[0] < 0 {
		return true
	}
	f := r.footprintOf(k)
	return !f.OnlyLooks()
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
		if actorOf(h.lane) == a.name {
			held = append(held, r.file(explore.Locks, r.inodes[h.inode]))
		}
	}
	return held
}

// crashes are sleepers for the crashes among the moves that are not asleep yet.
func (r *run) crashes(moves []race.Move, asleep []sleeper) []sleeper {
	var out []sleeper
	for _, m := range moves {
		if m.Fault == race.Crash && !slices.ContainsFunc(asleep, func(s sleeper) bool { return s.is(m) }) {
			a, _ := r.lane(m.Actor)
			out = append(out, sleeper{m.Actor, true, r.crashFootprint(a)})
		}
	}
	return out
}
