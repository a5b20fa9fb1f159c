package trace

import (
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// node is an entry with all that can be told of it.
type node struct {
	entry
	whole                 digest
	mode, links, uid, gid uint32
	set                   int   // the step that touched it last
	room                  int64 // bytes that it takes on the disk
}

// scene is what the directory looks like between two steps, all that is below it
// included. What was there at the start and nobody touched since is in every
// schedule the same.
type scene struct {
	entries map[string]node
	top     []entry         // those of the directory itself, sorted by name; nil: not known
	touched map[string]bool // names that meant something else at some time
	unnamed map[uint64]node // files that have lost their last name, and somebody has open
	locks   []held
}

func (s *scene) entry(name string) (node, bool) {
	e, there := s.entries[name]
	return e, there
}

// children are the entries of the directory itself.
func (s *scene) children() []entry {
	if s.top == nil {
		s.top = []entry{}
		for name, e := range s.entries {
			if !strings.Contains(name, "/") {
				s.top = append(s.top, e.entry)
			}
		}
		slices.SortFunc(s.top, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	}
	return s.top
}

// named reports whether a file still has a name in the directory.
func (s *scene) named(inode uint64) bool {
	for _, e := range s.entries {
		if e.inode == inode {
			return true
		}
	}
	return false
}

// holders are the lanes that have a lock on the file, as in [race.Event].
func holders(locks []held, inode uint64) string {
	var lanes []string
	var shared string
	for _, h := range locks {
		if h.inode == inode && !slices.Contains(lanes, h.lane) {
			lanes = append(lanes, h.lane)
			if h.shared {
				shared = " (shared)"
			}
		}
	}
	slices.Sort(lanes)
	return strings.Join(lanes, " ") + shared
}

// change is what became of a name, or of a file that has none.
type change struct {
	name     string
	old, now node
	was, is  bool
}

// moved reports whether the name stands for another file, or for one or none.
func (c change) moved() bool {
	return c.was != c.is || c.old.object != c.now.object || c.old.kind != c.now.kind
}

// lookFirst looks at what all schedules begin with.
func (t *tracer) lookFirst() (err error) {
	if t.watch, err = newWatch(t.dir); err != nil {
		return err
	}
	t.scene = scene{entries: map[string]node{}, touched: map[string]bool{}, unnamed: map[uint64]node{}}
	for _, name := range t.watch.add(".") {
		t.refresh(nil, name, false)
	}
	for _, name := range t.in {
		t.watch.add(path.Dir(name))
		t.refresh(nil, name, false)
	}
	clear(t.scene.touched)
	return nil
}

// look brings the scene up to date after a step, in which k made a call if it is
// not nil, and returns what has changed. It reads the locks of the actors that may
// have moved.
func (t *tracer) look(k *task, moved, all []*actor) []change {
	var changes []change
	t.watch.touched(func(name string, content bool) {
		if !path.IsAbs(name) || t.inside(name) != "" {
			changes = t.refresh(changes, name, content)
		}
	})
	for name := range t.mapped {
		changes = t.refresh(changes, name, true)
	}
	changes = t.lookAtUnnamed(changes, k, all)
	t.take(changes)
	for _, a := range moved {
		for _, p := range a.procs {
			p.locks = t.locksOf(p)
		}
	}
	t.scene.locks = nil
	for _, a := range all {
		for _, p := range a.procs {
			t.scene.locks = append(t.scene.locks, p.locks...)
		}
	}
	return changes
}

// refresh looks at a name again, at what it holds if that may be something else
// now, and at all that is below it if it is another directory than before.
func (t *tracer) refresh(changes []change, name string, content bool) []change {
	s := &t.scene
	old, was := s.entries[name]
	now, is := t.readEntry(name)
	switch {
	case !is || now.kind != race.Regular:
	case was && !content && old.inode == now.inode:
		now.content, now.whole = old.content, old.whole
	case !content && (now.size > headSize || strings.Contains(name, "/")): // nobody has changed it so far
		now.whole = digest{rest: "as it was"}
	default:
		now.content, now.whole = t.readWhole(t.path(name))
	}
	if is {
		now.object = t.objectOf(now, changes)
		t.inodes[now.inode] = now.object
		s.entries[name] = now
	} else {
		delete(s.entries, name)
	}
	if !was && !is {
		return changes
	}
	s.top, s.touched[name] = nil, true
	c := change{name, old, now, was, is}
	if dir, there := s.entries[path.Dir(name)]; there && c.moved() {
		dir.set = t.now
		s.entries[dir.name], s.touched[dir.name] = dir, true
	}
	changes = append(changes, c)
	if was && old.links > 1 || is && now.links > 1 { // its other names tell of the same file
		for other, e := range s.entries {
			if other != name && e.kind != race.Dir && (was && e.inode == old.inode || is && e.inode == now.inode) {
				if again, ok := t.readEntry(other); ok && again.inode == e.inode {
					again.object, again.content, again.whole = e.object, e.content, e.whole
					if is {
						again.content, again.whole = now.content, now.whole
					}
					s.entries[other], s.touched[other] = again, true
				}
			}
		}
	}
	if was && old.kind == race.Dir && c.moved() {
		changes = t.drop(changes, name)
	}
	if was && old.kind == race.Regular && (!is || now.inode != old.inode) && old.links == 1 {
		s.unnamed[old.inode] = old
	}
	if is && now.kind == race.Dir && (!was || c.moved()) {
		for _, child := range t.watch.add(name) {
			changes = t.refresh(changes, path.Join(name, child), content)
		}
	}
	return changes
}

// drop forgets what was in a directory that is gone.
func (t *tracer) drop(changes []change, dir string) []change {
	t.watch.remove(dir)
	for name, e := range t.scene.entries {
		if strings.HasPrefix(name, dir+"/") {
			delete(t.scene.entries, name)
			t.scene.touched[name] = true
			changes = append(changes, change{name: name, old: e, was: true})
			t.watch.remove(name)
		}
	}
	return changes
}

// objectOf recognises a file by its inode, under whatever name.
func (t *tracer) objectOf(e node, changes []change) int {
	object, known := t.inodes[e.inode]
	if known {
		old, same := t.scene.entries[e.name]
		_, open := t.scene.unnamed[e.inode]
		if same && old.inode == e.inode || open || t.scene.named(e.inode) ||
			slices.ContainsFunc(changes, func(c change) bool { return c.was && c.old.inode == e.inode }) {
			delete(t.scene.unnamed, e.inode)
			return object
		}
	}
	t.names = append(t.names, t.lasting(e.name))
	return len(t.names)
}

// readEntry looks at a name, but not at what a file holds.
func (t *tracer) readEntry(name string) (e node, there bool) {
	full := t.path(name)
	var st unix.Stat_t
	if err := unix.Lstat(full, &st); err != nil {
		return e, false
	}
	e.entry = entry{name: name, inode: st.Ino, size: st.Size}
	e.set, e.mode, e.links, e.uid, e.gid = t.now, st.Mode&0o7777, uint32(st.Nlink), st.Uid, st.Gid
	e.room = st.Blocks * sectorSize
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.kind = race.Regular
	case unix.S_IFLNK:
		e.kind = race.Link
		e.content = readlink(full)
		e.whole = t.digestOf(e.content)
	case unix.S_IFDIR:
		e.kind = race.Dir
	default:
		e.kind = race.FIFO
	}
	return e, true
}

// mostHeld is the largest file that is looked at. Of larger ones each state is
// taken for another.
const mostHeld = 64 << 20

// readWhole returns the head of a file, and what all of it is.
func (t *tracer) readWhole(full string) (head string, whole digest) {
	fd, err := unix.Open(full, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", digest{rest: err.Error()}
	}
	defer unix.Close(fd)
	var buf [headSize]byte
	var text []byte
	for len(text) < mostHeld {
		n, err := unix.Read(fd, buf[:])
		if n <= 0 || err != nil {
			whole = t.digestOf(string(text))
			return string(text[:min(len(text), headSize)]), whole
		}
		text = append(text, buf[:n]...)
	}
	return string(text[:headSize]), digest{rest: "too large, " + unknown()}
}

// lookAtUnnamed forgets the files without a name that nobody has open any more,
// and looks again at one that was just used.
func (t *tracer) lookAtUnnamed(changes []change, k *task, all []*actor) []change {
	s := &t.scene
	if len(s.unnamed) == 0 {
		return changes
	}
	open, rooms := map[uint64]string{}, map[uint64]int64{}
	for _, a := range all {
		for _, p := range a.procs {
			for _, fd := range t.openFiles(p) {
				var st syscall.Stat_t
				if syscall.Stat(fd, &st) == nil {
					open[st.Ino], rooms[st.Ino] = fd, st.Blocks*sectorSize
				}
			}
		}
	}
	for inode, old := range s.unnamed {
		fd, is := open[inode]
		switch {
		case !is:
			delete(s.unnamed, inode)
		case k != nil && k.made.Changes() && slices.Contains(k.made.places, strings.TrimPrefix(readlink(fd), t.dir+"/")):
			now := old
			now.content, now.whole = t.readWhole(fd)
			now.set, now.room = t.now, rooms[inode]
			s.unnamed[inode] = now
			changes = append(changes, change{old.name + " (deleted)", old, now, true, true})
		}
	}
	return changes
}

// deadPID is above every pid the kernel gives out and has more digits.
const deadPID = 499999999
