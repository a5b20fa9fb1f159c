package trace

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// A step that has nothing to do with those of others in between can as well
// come before them. What a step has to do with is named here: "name server.pid",
// "content 3" and "locks 3" of a file by its number, "entries 2" of a directory,
// and "processes".

// footprint is what a step looks at and what it changes.
type footprint struct {
	reads, writes []string
	all           bool // not known
	visible       bool // the oracle sees something change
}

// processes stands for who lives: whoever reads a pid may look for its owner.
const processes = "processes"

// commutes reports whether two adjacent steps of different actors may change
// places without anybody noticing, the oracle included.
func (f footprint) commutes(g footprint) bool {
	changed := func(s string) bool { return slices.Contains(g.writes, s) && !strings.HasPrefix(s, entriesOf) }
	return !f.all && !g.all && !(f.visible && g.visible) &&
		!slices.ContainsFunc(f.writes, changed) && disjoint(f.writes, g.reads) && disjoint(f.reads, g.writes)
}

func disjoint(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// footprintOf is what a call that is about to be made is about. What it
// changes beyond that is seen when it has been made.
func (r *run) footprintOf(k *task) footprint {
	var f footprint
	c := k.call
	if c.sleeps || c.fault != 0 {
		return footprint{all: true}
	}
	switch c.name {
	case "open", "openat", "creat", "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "truncate":
		entry, there := r.scene.entry(c.file)
		if !r.watched(c.file, there) || entry.kind == race.Link {
			return footprint{all: true}
		}
		f.look(c.file)
		switch {
		case !there && c.openFlags()&unix.O_CREAT != 0:
			f.writes = append(f.writes, "name "+c.file, r.entriesOf(path.Dir(c.file)))
		case !there:
		case c.name == "truncate" || c.openFlags()&unix.O_TRUNC != 0:
			f.writes = append(f.writes, content(entry.object))
		case entry.kind == race.Dir:
			f.reads = append(f.reads, content(entry.object), r.entriesOf(c.file))
		default:
			f.reads = append(f.reads, content(entry.object))
		}
	case "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat":
		return r.namesFootprint(c)
	case "getdents64":
		if _, there := r.scene.entry(c.file); !there && c.file != "." {
			return footprint{all: true}
		}
		f.reads = append(f.reads, r.entriesOf(c.file), processes)
	case "fstat", "read", "pread64", "write", "pwrite64", "writev", "pwritev", "ftruncate", "flock", "fcntl":
		object, known := r.objectBehind(k.tid, int(int32(c.args[c.fd])))
		if !known {
			return footprint{all: true}
		}
		switch c.name {
		case "fstat":
			f.reads = append(f.reads, content(object))
		case "read", "pread64":
			f.reads = append(f.reads, content(object), processes)
		case "flock", "fcntl":
			f.reads = append(f.reads, locks(object))
		default:
			f.writes = append(f.writes, content(object))
		}
	case "close", "execve", "exit_group": // they drop locks
		f.writes = r.locksHeld(k.proc.actor)
	case "kill":
		if c.args[1] != 0 {
			return footprint{all: true}
		}
		f.reads = append(f.reads, processes)
	default:
		return footprint{all: true}
	}
	return f
}

// namesFootprint is what a call that makes, moves or removes names is about.
func (r *run) namesFootprint(c call) (f footprint) {
	for _, name := range []string{c.file, c.second} {
		if name == "" || name == "." {
			continue
		}
		entry, there := r.scene.entry(name)
		if !r.watched(name, there) {
			return footprint{all: true}
		}
		f.look(name)
		if c.path[1] < 0 && c.makes() == there { // it fails: there is nothing to take away, or something in the way
			continue
		}
		f.writes = append(f.writes, "name "+name, r.entriesOf(path.Dir(name)))
		if there {
			f.writes = append(f.writes, content(entry.object))
		}
		if entry.kind == race.Dir {
			f.reads = append(f.reads, r.entriesOf(name))
		}
	}
	return f
}

// entriesOf begins what stands for a directory's entries and times. Two that
// change them have nothing to do with each other, unless by a name.
const entriesOf = "entries "

func (r *run) entriesOf(dir string) string {
	entry, _ := r.scene.entry(dir)
	return entriesOf + strconv.Itoa(entry.object)
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

func content(object int) string { return "content " + strconv.Itoa(object) }
func locks(object int) string   { return "locks " + strconv.Itoa(object) }

// look adds that a name is looked up.
func (f *footprint) look(name string) {
	for f.reads = append(f.reads, "name "+name); path.Dir(name) != "."; {
		name = path.Dir(name)
		f.reads = append(f.reads, "name "+name)
	}
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
func (r *run) changed(f *footprint, before scene) {
	for _, e := range before.all() {
		now, there := r.scene.entry(e.name)
		switch {
		case !there || now.object != e.object || now.kind != e.kind:
			f.writes = append(f.writes, "name "+e.name, r.entriesOf(path.Dir(e.name)), content(e.object))
		case now.content != e.content || now.size != e.size:
			f.writes = append(f.writes, content(e.object))
		}
	}
	for _, e := range r.scene.all() {
		if _, there := before.entry(e.name); !there {
			f.writes = append(f.writes, "name "+e.name, r.entriesOf(path.Dir(e.name)))
		}
	}
	for inode, object := range r.inodes {
		if before.holders(inode) != r.scene.holders(inode) {
			f.writes = append(f.writes, locks(object))
		}
	}
}

// sleeper is a move that was made, or put down to be made, before those of
// others, and need not be made after them as long as it commutes with all of
// these.
type sleeper struct {
	lane  string
	crash bool
	foot  footprint
}

func (s sleeper) is(m race.Move) bool {
	return s.lane == m.Actor && (s.crash && m.Fault == race.Crash || !s.crash && m.Fault == race.NoFault)
}

// stillAsleep are the sleepers that sleep on after a move with that footprint.
func stillAsleep(all []sleeper, m race.Move, f footprint) []sleeper {
	var out []sleeper
	for _, s := range all {
		own := s.lane == m.Actor
		if s.crash || m.Fault == race.Crash {
			own = actorOf(s.lane) == actorOf(m.Actor)
		}
		if !own && s.foot.commutes(f) {
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
	return f.all || len(f.writes) > 0
}

// crashFootprint is what the end of an actor has to do with.
func (r *run) crashFootprint(a *actor) footprint {
	return footprint{writes: append(r.locksHeld(a), processes), visible: true}
}

// waitFootprint is what waiting has to do with: the server is gone, and no file
// is touched.
func (r *run) waitFootprint() footprint {
	f := footprint{reads: []string{processes}, visible: true}
	for object := range r.exclusive {
		f.reads = append(f.reads, locks(object))
	}
	return f
}

func (r *run) locksHeld(a *actor) []string {
	var held []string
	for _, h := range r.scene.locks {
		if actorOf(h.lane) == a.name {
			held = append(held, locks(r.inodes[h.inode]))
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
