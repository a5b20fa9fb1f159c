package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// shown is all that a call has shown its caller, in a form that is the same in
// every run: files and times are called by numbers, processes by their names.
func (t *tracer) shown(k *task, value int64) string {
	c, tid := k.call, k.tid
	if result(value) != nil || c.Shows.As == syscalls.Nothing {
		return ""
	}
	arg := func(i int) uint64 { return c.args[c.Shows.Arg+i] }
	switch c.Shows.As {
	case syscalls.Bytes:
		return t.digested(read(tid, arg(0), value))
	case syscalls.Vector:
		return t.digested(parts(tid, arg(0), arg(1), uint64(value)))
	case syscalls.Stat:
		var st unix.Stat_t
		if peekInto(tid, arg(0), &st) {
			return t.stat(st.Mode, uint64(st.Nlink), st.Uid, st.Gid, st.Size, st.Ino)
		}
	case syscalls.Statx:
		var st unix.Statx_t
		if peekInto(tid, arg(0), &st) {
			return t.stat(uint32(st.Mode), uint64(st.Nlink), st.Uid, st.Gid, int64(st.Size), st.Ino)
		}
	case syscalls.Entries:
		return t.listed(read(tid, arg(0), value))
	case syscalls.Lock:
		var lock unix.Flock_t
		if peekInto(tid, arg(0), &lock) {
			return fmt.Sprintf(" %s %d %d %d %s", lockType(lock.Type), lock.Whence, lock.Start, lock.Len, t.who(int(lock.Pid)))
		}
	case syscalls.Number:
		return " " + t.who(int(value)) + " " + t.length(tid, uint64(value))
	case syscalls.Source:
		if e, known := t.scene.entry(c.places[0]); known || c.places[0] == "" {
			return " " + t.spelt(e.whole)
		}
	}
	return unknown()
}

func (t *tracer) digested(p []byte) string { return " " + t.spelt(t.digestOf(string(p))) }

// stat is what a call tells of a file. Its times are those of the step that set
// them.
func (t *tracer) stat(mode uint32, links uint64, uid, gid uint32, size int64, inode uint64) string {
	object := t.inodes[inode]
	e := t.scene.of(inode)
	if mode&unix.S_IFMT == unix.S_IFDIR { // how large it is depends on the file system
		size, links = 0, 0
	}
	return fmt.Sprintf(" %o %d %d %d %s%s%s", mode, links, uid, gid, t.sizeOf(size, e.whole), timeToken(e.set), objectToken(object))
}

// of is the file with that number, or nothing.
func (s *scene) of(inode uint64) node {
	for _, e := range s.entries {
		if e.inode == inode {
			return e
		}
	}
	return s.unnamed[inode]
}

// listed are the names in a directory, whose order is the file system's.
func (t *tracer) listed(p []byte) string {
	const inodeAt, lengthAt, typeAt, nameAt = 0, 16, 18, 19 // struct linux_dirent64
	var names []string
	for len(p) > nameAt {
		length := min(int(binary.NativeEndian.Uint16(p[lengthAt:])), len(p))
		if length <= nameAt {
			break
		}
		name, _, _ := bytes.Cut(p[nameAt:length], []byte{0})
		if s := string(name); s != "." && s != ".." {
			names = append(names, fmt.Sprint(t.mask(s), " ", p[typeAt], objectToken(t.inodes[binary.NativeEndian.Uint64(p[inodeAt:])])))
		}
		p = p[length:]
	}
	slices.Sort(names)
	return " " + strings.Join(names, ",")
}

// read copies what lies at addr.
func read(tid int, addr uint64, size int64) []byte {
	p := make([]byte, max(size, 0))
	n, err := peek(tid, uintptr(addr), p)
	if err != nil {
		return []byte(unknown())
	}
	return p[:n]
}

// peekInto fills a struct with what lies at addr.
func peekInto[T any](tid int, addr uint64, v *T) bool {
	_, err := peek(tid, uintptr(addr), unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)))
	return err == nil
}

func objectToken(n int) string { return " <" + strconv.Itoa(n) + ">" }

// timeToken stands for the time of a step.
func timeToken(step int) string { return timeMark + strconv.Itoa(step) + timeMark }

const timeMark = "\x01"
