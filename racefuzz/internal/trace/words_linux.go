package trace

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// detail is the call in words, without numbers that differ from run to run.
func (t *tracer) detail(tid int, c call) string {
	var words []string
	for _, w := range c.Words {
		words = append(words, t.word(tid, c, w))
	}
	if c.named() {
		words = slices.Insert(words, 0, t.operands(c))
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// named reports whether the call is about files.
func (c call) named() bool {
	return !c.Does(syscalls.Executes) && slices.ContainsFunc(c.places, func(place string) bool { return place != "" })
}

// operands are the files that a call is about.
func (t *tracer) operands(c call) string {
	var names []string
	for i, place := range c.places {
		if place != "" || c.Operands[i].Kind == syscalls.Path {
			names = append(names, t.maskName(place))
		}
	}
	return strings.Join(names, " → ")
}

func (t *tracer) word(tid int, c call, w syscalls.Word) string {
	arg := uint64(0)
	if w.Arg != syscalls.None {
		arg = c.args[w.Arg]
	}
	switch w.As {
	case syscalls.OpenFlags, syscalls.OpenHow:
		flags, _ := c.openFlags(tid)
		return openWords(flags)
	case syscalls.LockOp:
		return flockWords(arg)
	case syscalls.LockCommand:
		return fcntlNames[arg] + " " + lockType(readLock(tid, c.args[w.Arg+1]))
	case syscalls.Length:
		return "to " + t.length(tid, arg)
	case syscalls.Data:
		return t.data(tid, arg, c.args[w.Arg+1])
	case syscalls.Parts:
		return t.quoted(parts(tid, arg, c.args[w.Arg+1], dataSize))
	case syscalls.Offset:
		return "at " + strconv.FormatUint(arg, 10)
	case syscalls.Mode:
		return fmt.Sprintf("%#o", arg&0o7777)
	case syscalls.Signal:
		return t.who(c.target) + " " + signalName(unix.Signal(arg))
	case syscalls.Program:
		path, _ := peekString(tid, uintptr(arg))
		return filepath.Base(path)
	case syscalls.Status:
		return strconv.Itoa(int(uint8(arg)))
	}
	return ""
}

// length is a number of bytes, as that of a line with a pid where it is one:
// pids have not always as many digits.
func (t *tracer) length(tid int, n uint64) string {
	if k := t.tasks[tid]; k != nil {
		for _, p := range k.proc.actor.procs {
			switch digits := len(strconv.Itoa(p.pid)); n {
			case uint64(digits):
				return fmt.Sprintf("len(%q)", "{"+p.lane+"}")
			case uint64(digits) + 1:
				return fmt.Sprintf("len(%q)", "{"+p.lane+"}\n")
			}
		}
	}
	return strconv.FormatUint(n, 10)
}

// dataSize is how much of what is read or written is looked at to show it.
const dataSize = mostShown + headSize

// mostShown is how much of it is shown.
const mostShown = 60

// data quotes what lies at addr.
func (t *tracer) data(tid int, addr, size uint64) string {
	p := make([]byte, min(size, dataSize))
	if n, err := peek(tid, uintptr(addr), p); err == nil {
		return t.quoted(p[:n])
	}
	return "?"
}

// quoted is the beginning of some bytes, pids masked.
func (t *tracer) quoted(p []byte) string {
	text := t.mask(string(p))
	if len(text) > mostShown {
		return strconv.Quote(text[:mostShown]) + "…"
	}
	return strconv.Quote(text)
}

// parts reads what the parts at addr hold, at most size bytes.
func parts(tid int, addr, count, size uint64) []byte {
	const each = 16 // struct iovec
	table := make([]byte, min(count, 1024)*each)
	if _, err := peek(tid, uintptr(addr), table); err != nil {
		return nil
	}
	var out []byte
	for ; len(table) >= each && uint64(len(out)) < size; table = table[each:] {
		base, length := binary.NativeEndian.Uint64(table), binary.NativeEndian.Uint64(table[8:])
		p := make([]byte, min(length, size-uint64(len(out))))
		n, err := peek(tid, uintptr(base), p)
		if err != nil {
			break
		}
		out = append(out, p[:n]...)
	}
	return out
}

// outcome is the result of a call in a word.
func (t *tracer) outcome(tid int, c call, value int64) string {
	if err := result(value); err != nil {
		errno := err.(unix.Errno)
		if c.Does(syscalls.Locks) && (errno == unix.EAGAIN || errno == unix.EACCES) {
			return "refused"
		}
		return unix.ErrnoName(errno)
	}
	switch c.Shows.As {
	case syscalls.Bytes:
		return t.data(tid, c.args[c.Shows.Arg], uint64(value))
	case syscalls.Vector:
		return t.quoted(parts(tid, c.args[c.Shows.Arg], c.args[c.Shows.Arg+1], min(uint64(value), dataSize)))
	case syscalls.Lock:
		if c.Does(syscalls.SeesLocks) {
			return lockType(readLock(tid, c.args[c.Shows.Arg]))
		}
	}
	if len(c.Words) > 0 && c.Words[0].As == syscalls.Data && value < int64(c.args[c.Words[0].Arg+1]) {
		return "short"
	}
	return "ok"
}

// openFlags are the flags with which a call opens a file, if it does.
func (c *call) openFlags(tid int) (flags uint64, opens bool) {
	for _, w := range c.Words {
		switch {
		case w.As == syscalls.OpenFlags && w.Arg == syscalls.None: // creat
			return unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC, true
		case w.As == syscalls.OpenFlags:
			return c.args[w.Arg], true
		case w.As == syscalls.OpenHow:
			return openHow(tid, c.args[w.Arg]), true
		}
	}
	return 0, false
}

// openFlagNames are the flags that are named, those first that matter most
// where little is shown.
var openFlagNames = []struct {
	bit  uint64
	name string
}{
	{unix.O_TRUNC, "O_TRUNC"}, {unix.O_EXCL, "O_EXCL"}, {unix.O_CREAT, "O_CREAT"},
	{unix.O_APPEND, "O_APPEND"}, {unix.O_NOFOLLOW, "O_NOFOLLOW"}, {unix.O_DIRECTORY, "O_DIRECTORY"},
	{unix.O_NONBLOCK, "O_NONBLOCK"}, {unix.O_PATH, "O_PATH"},
}

// matter are how many of them come before the way to open.
const matter = 3

func openWords(flags uint64) string {
	var words []string
	for i, f := range openFlagNames {
		if i == matter {
			words = append(words, []string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR"}[flags&unix.O_ACCMODE])
		}
		if flags&f.bit == f.bit {
			words = append(words, f.name)
		}
	}
	return strings.Join(words, "|")
}

func flockWords(op uint64) string {
	words := map[uint64]string{unix.LOCK_SH: "LOCK_SH", unix.LOCK_EX: "LOCK_EX", unix.LOCK_UN: "LOCK_UN"}[op&^unix.LOCK_NB]
	if op&unix.LOCK_NB != 0 {
		words += "|LOCK_NB"
	}
	return words
}

var fcntlNames = map[uint64]string{
	unix.F_GETLK: "F_GETLK", unix.F_SETLK: "F_SETLK", unix.F_SETLKW: "F_SETLKW",
	unix.F_OFD_GETLK: "F_OFD_GETLK", unix.F_OFD_SETLK: "F_OFD_SETLK", unix.F_OFD_SETLKW: "F_OFD_SETLKW",
	unix.F_SETLEASE: "F_SETLEASE", unix.F_GETLEASE: "F_GETLEASE",
}

// readLock reads the type of a struct flock.
func readLock(tid int, addr uint64) int16 {
	var p [2]byte
	if _, err := peek(tid, uintptr(addr), p[:]); err != nil {
		return -1
	}
	return int16(binary.NativeEndian.Uint16(p[:]))
}

func lockType(typ int16) string {
	switch typ {
	case unix.F_RDLCK:
		return "F_RDLCK"
	case unix.F_WRLCK:
		return "F_WRLCK"
	case unix.F_UNLCK:
		return "F_UNLCK"
	}
	return "?"
}

func signalName(s unix.Signal) string {
	if s == 0 {
		return "0"
	}
	return unix.SignalName(s)
}
