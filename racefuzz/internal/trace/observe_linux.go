package trace

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// held is a lock on a file of the directory.
type held struct {
	inode  uint64
	lane   string
	shared bool
}

// scene is what the directory looks like between two steps.
type scene struct {
	entries []entry // sorted by name
	below   []entry // what is in its subdirectories, likewise
	cut     bool    // there is more below
	locks   []held
}

func (s scene) entry(name string) (entry, bool) {
	for _, list := range [][]entry{s.entries, s.below} {
		if i := slices.IndexFunc(list, func(e entry) bool { return e.name == name }); i >= 0 {
			return list[i], true
		}
	}
	return entry{}, false
}

func (s scene) all() []entry { return slices.Concat(s.entries, s.below) }

// named reports whether a file still has a name in the directory.
func (s scene) named(inode uint64) bool {
	return slices.ContainsFunc(s.all(), func(e entry) bool { return e.inode == inode })
}

// holders are the lanes that have a lock on the file, as in [race.Event].
func (s scene) holders(inode uint64) string {
	var lanes []string
	var shared string
	for _, h := range s.locks {
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

// mostBelow is how much is looked at in subdirectories: those of a database can
// be large.
const mostBelow = 32

// look reads the directory, and the locks of the actors that may have moved.
func (t *tracer) look(before scene, moved, all []*actor) scene {
	s := scene{entries: t.list(before, ".", entries(t.dir))}
	unread := s.entries
	for len(unread) > 0 && !s.cut {
		dir := unread[0]
		unread = unread[1:]
		if dir.kind != race.Dir {
			continue
		}
		names := entries(filepath.Join(t.dir, dir.name))
		if s.cut = len(s.below)+len(names) > mostBelow; !s.cut {
			listed := t.list(before, dir.name, names)
			s.below = append(s.below, listed...)
			unread = append(slices.Clip(unread), listed...)
		}
	}
	slices.SortFunc(s.below, byName)
	for _, a := range moved {
		for _, p := range a.procs {
			p.locks = t.locksOf(p)
		}
	}
	for _, a := range all {
		for _, p := range a.procs {
			s.locks = append(s.locks, p.locks...)
		}
	}
	return s
}

// list looks at what is in one directory, named as the calls name it.
func (t *tracer) list(before scene, dir string, names []string) (listed []entry) {
	for _, name := range names {
		if e, ok := readEntry(t.dir, filepath.Join(dir, name)); ok {
			listed = append(listed, e)
		}
	}
	slices.SortFunc(listed, byName)
	for i, e := range listed {
		listed[i].object = t.objectOf(before, e)
	}
	return listed
}

func byName(a, b entry) int { return strings.Compare(a.name, b.name) }

// objectOf recognises a file by its name and inode, a renamed one by its inode.
func (t *tracer) objectOf(before scene, e entry) int {
	if old, ok := before.entry(e.name); ok && old.inode == e.inode {
		return old.object
	}
	for _, old := range before.all() {
		if old.inode == e.inode {
			return old.object
		}
	}
	t.names = append(t.names, t.lasting(e.name))
	return len(t.names)
}

func readEntry(dir, name string) (entry, bool) {
	path := filepath.Join(dir, name)
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return entry{}, false
	}
	e := entry{name: name, inode: st.Ino, size: st.Size}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.kind = race.Regular
		e.content = readSome(path)
	case unix.S_IFLNK:
		e.kind = race.Link
		e.content = readlink(path)
	case unix.S_IFDIR:
		e.kind = race.Dir
	default:
		e.kind = race.FIFO
	}
	return e, true
}

func readSome(path string) string {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var buf [headSize]byte
	n, _ := unix.Read(fd, buf[:])
	return string(buf[:max(n, 0)])
}

// locksOf returns the locks that a process has on files of the directory. The
// kernel tells of them at each descriptor, inherited ones included:
//
//	lock:	1: FLOCK  ADVISORY  WRITE 4242 fe:00:131099 0 EOF
//
// /proc/locks would be one file for all, but what it says while others lock is
// not of one moment.
func (t *tracer) locksOf(p *process) []held {
	if p.ended {
		return nil
	}
	var locks []held
	base := "/proc/" + strconv.Itoa(p.pid)
	for _, fd := range entries(base + "/fd") {
		if t.placeOf(p.pid, readlink(base+"/fd/"+fd)) == "" {
			continue
		}
		for _, line := range lockLines(base + "/fdinfo/" + fd) {
			f := strings.Fields(line)
			if len(f) < 6 {
				continue
			}
			inode, _ := strconv.ParseUint(f[5][strings.LastIndexByte(f[5], ':')+1:], 10, 64)
			lock := held{inode: inode, lane: p.lane, shared: f[3] == "READ"}
			if !slices.Contains(locks, lock) {
				locks = append(locks, lock)
			}
		}
	}
	return locks
}

func lockLines(fdinfo string) []string {
	var out []string
	for line := range strings.Lines(string(slurp(fdinfo))) {
		if rest, ok := strings.CutPrefix(line, "lock:"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// locked reports whether a process has a lock through a descriptor, or would
// lose one by closing it.
func locked(tid int, fd string) bool {
	return len(lockLines("/proc/"+strconv.Itoa(tid)+"/fdinfo/"+fd)) > 0
}

// who names the process behind a pid.
func (t *tracer) who(pid int) string {
	if p := t.pids[pid]; p != nil {
		if p.ended {
			return "{" + p.lane + " gone}"
		}
		return "{" + p.lane + "}"
	}
	return strconv.Itoa(pid)
}

// mask replaces what differs from run to run: the pids of the case's processes
// by their names, "{a}" or, for one that has ended, "{a gone}", its directory by
// "{dir}", and random text by "{random}".
func (t *tracer) mask(text string) string {
	text = strings.ReplaceAll(text, t.dir, "{dir}")
	var b strings.Builder
	for len(text) > 0 {
		i := strings.IndexAny(text, "0123456789")
		if i < 0 {
			break
		}
		n := i
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		b.WriteString(text[:i])
		if pid, err := strconv.Atoi(text[i:n]); err == nil && n-i < 9 && t.pids[pid] != nil {
			b.WriteString(t.who(pid))
		} else {
			b.WriteString(text[i:n])
		}
		text = text[n:]
	}
	return b.String() + text
}

// maskName does the same to a name, and leaves out random text as well. In a
// file's content it makes a difference whose it is.
func (t *tracer) maskName(name string) string {
	return randomText.ReplaceAllString(t.mask(name), "{random}")
}

// randomText is what Go's crypto/rand.Text returns.
var randomText = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)

// deadPID is above every pid the kernel gives out and has more digits.
const deadPID = 499999999
