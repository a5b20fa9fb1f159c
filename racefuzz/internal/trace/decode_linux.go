package trace

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// call is a system call that touches the case's directory, at its entry stop.
type call struct {
	shape
	nr     int
	args   [6]uint64
	file   string     // the file it is about, relative to the directory; "" when it is about none
	second string     // the other file of a rename or link
	words  string     // its operands, for people
	target int        // the process a kill is for
	sleeps bool       // it may sleep until another process moves
	wild   bool       // a signal for all
	fault  unix.Errno // what it fails with instead of being made
}

// decode reads what a task is about to do, at its entry stop. The second
// result is false when it is none of the case's business: when it is about
// other files, or closes or looks at a file on which it has no lock, which
// nobody else can notice.
func (t *tracer) decode(task *task, info *stopInfo) (call, bool) {
	nr := int(info.Nr)
	c := call{shape: shapes[nr], nr: nr, args: info.Args}
	pid := task.proc.pid
	switch c.name {
	case "":
		return c, false
	case "kill":
		c.target = int(int32(c.args[0]))
		return c, c.target != pid
	case "execve":
		return c, t.drops(task.tid, func(fd string) bool { return closesOnExec(task.tid, fd) })
	case "exit_group":
		return c, t.drops(task.tid, func(string) bool { return true })
	}
	if c.fd >= 0 {
		fd := int(int32(c.args[c.fd]))
		c.file = t.fileOf(task.tid, fd)
		switch c.name {
		case "fstat":
			return c, c.file != "" && locked(task.tid, strconv.Itoa(fd))
		case "close":
			return c, c.file != "" && t.drops(task.tid, func(other string) bool { return other == strconv.Itoa(fd) })
		}
		return c, c.file != "" && !t.knows(c)
	}
	c.file = t.pathAt(task.tid, c, 0)
	if c.path[1] >= 0 {
		c.second = t.pathAt(task.tid, c, 1)
	}
	if c.file == "." && !c.changes() { // a shell looks where it is
		return c, false
	}
	return c, c.second != "" || c.file != "" && !t.knows(c)
}

// knows reports whether the call looks at a file that nobody changes.
func (t *tracer) knows(c call) bool { return t.fixed[c.file] && !c.changes() }

// pathAt resolves the i-th path of c, or returns "" when it lies outside.
func (t *tracer) pathAt(tid int, c call, i int) string {
	path, err := peekString(tid, uintptr(c.args[c.path[i]]))
	if err != nil {
		return ""
	}
	if filepath.IsAbs(path) {
		return t.placeOf(tid, behind(filepath.Clean(path), tid))
	}
	dir := int32(unix.AT_FDCWD)
	if c.at[i] >= 0 {
		dir = int32(c.args[c.at[i]])
	}
	if dir != unix.AT_FDCWD {
		base := t.fileOf(tid, int(dir))
		if path == "" && base != "" && !locked(tid, strconv.Itoa(int(dir))) { // fstat by another name
			return ""
		}
		if base == "" || path == "" {
			return base
		}
		return t.inside(filepath.Join(t.dir, base, path))
	}
	cwd := t.placeOf(tid, readlink("/proc/"+strconv.Itoa(tid)+"/cwd"))
	if cwd == "" {
		return ""
	}
	return t.inside(filepath.Join(t.dir, cwd, path))
}

// behind follows the names that stand for open files.
func behind(path string, tid int) string {
	if rest, ok := strings.CutPrefix(path, "/proc/self/fd/"); ok {
		path = "/proc/" + strconv.Itoa(tid) + "/fd/" + rest
	}
	if rest, ok := strings.CutPrefix(path, "/dev/fd/"); ok {
		path = "/proc/" + strconv.Itoa(tid) + "/fd/" + rest
	}
	if strings.HasPrefix(path, "/proc/") && strings.Contains(path, "/fd/") {
		return readlink(path)
	}
	return path
}

// inside returns path relative to the case's directory, "." for the directory
// itself and "" for anything else.
func (t *tracer) inside(path string) string {
	rest, ok := strings.CutPrefix(path, t.dir)
	switch {
	case !ok:
		return ""
	case rest == "":
		return "."
	case rest[0] == '/':
		return rest[1:]
	}
	return ""
}

// fileOf names the file behind a descriptor. An unlinked one keeps its name
// with " (deleted)" behind it, as the kernel gives it.
func (t *tracer) fileOf(tid, fd int) string {
	return t.placeOf(tid, readlink("/proc/"+strconv.Itoa(tid)+"/fd/"+strconv.Itoa(fd)))
}

// drops reports whether the process has less of a lock once the descriptors
// that match are closed: any close ends a record lock, and the last one of a
// description another.
func (t *tracer) drops(tid int, closes func(fd string) bool) bool {
	base := "/proc/" + strconv.Itoa(tid)
	gone, kept := map[string]bool{}, map[string]bool{}
	for _, fd := range entries(base + "/fd") {
		if t.placeOf(tid, readlink(base+"/fd/"+fd)) == "" {
			continue
		}
		for _, lock := range lockLines(base + "/fdinfo/" + fd) {
			if closes(fd) {
				gone[lock] = true
			} else if !strings.Contains(lock, "POSIX") {
				kept[lock] = true
			}
		}
	}
	for lock := range gone {
		if !kept[lock] {
			return true
		}
	}
	return false
}

func closesOnExec(tid int, fd string) bool {
	_, rest, _ := strings.Cut(string(slurp("/proc/"+strconv.Itoa(tid)+"/fdinfo/"+fd)), "flags:")
	flags, _ := strconv.ParseUint(strings.TrimSpace(firstLine(rest)), 8, 32)
	return flags&unix.O_CLOEXEC != 0
}

// sleeps reports whether the call may sleep until another process moves.
func (t *tracer) sleeps(c call) bool {
	switch c.name {
	case "flock":
		return c.args[1]&(unix.LOCK_NB|unix.LOCK_UN) == 0
	case "fcntl":
		return c.args[1] == unix.F_SETLKW || c.args[1] == unix.F_OFD_SETLKW
	case "open", "openat", "openat2", "creat", "read", "write", "writev":
		var st unix.Stat_t
		err := unix.Stat(filepath.Join(t.dir, c.file), &st)
		return err == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
	}
	return false
}

// changes reports whether the call may change what other processes see: a
// crash before any other call is as good as one before the next of these.
func (c call) changes() bool {
	switch c.name {
	case "open", "openat":
		return c.openFlags()&(unix.O_CREAT|unix.O_TRUNC) != 0
	case "read", "pread64", "getdents64", "stat", "lstat", "fstat", "statx", "newfstatat", "access", "faccessat", "faccessat2", "execve":
		return false
	}
	return true
}

// openFlags are the flags of a call that opens, but for openat2.
func (c call) openFlags() uint64 {
	switch c.name {
	case "open":
		return c.args[1]
	case "openat":
		return c.args[2]
	case "creat":
		return unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC
	}
	return 0
}

// keepsLocks reports whether locks are the same after the operation.
func keepsLocks(op string) bool {
	switch op {
	case "flock", "fcntl", "close", "execve", "exit_group", "kill",
		opStart, opStop, opCrash, opProbe, opRun, opWait:
		return false
	}
	return true
}

// detail is the call in words, without numbers that differ from run to run.
func (t *tracer) detail(tid int, c call) string {
	var rest string
	arg := c.args
	switch c.name {
	case "open", "openat", "creat":
		rest = openFlags(c.openFlags())
	case "openat2":
		var how [8]byte
		peek(tid, uintptr(arg[2]), how[:])
		rest = openFlags(binary.NativeEndian.Uint64(how[:]))
	case "flock":
		rest = flockWords(arg[1])
	case "fcntl":
		rest = t.fcntlWords(tid, arg)
	case "ftruncate", "truncate":
		rest = "to " + t.length(tid, arg[1])
	case "write":
		rest = t.data(tid, arg[1], arg[2])
	case "pwrite64":
		rest = t.data(tid, arg[1], arg[2]) + " at " + strconv.FormatUint(arg[3], 10)
	case "kill":
		return fmt.Sprintf("%s %s", t.who(c.target), signalName(unix.Signal(arg[1])))
	case "execve":
		path, _ := peekString(tid, uintptr(arg[0]))
		return filepath.Base(path)
	case "exit_group":
		return strconv.Itoa(int(uint8(arg[0])))
	}
	words := t.maskName(c.file)
	if c.path[1] >= 0 {
		words += " → " + t.maskName(c.second)
	}
	if rest != "" {
		words += " " + rest
	}
	return words
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

// data quotes what lies at addr, pids masked, at most 60 bytes of it.
func (t *tracer) data(tid int, addr, size uint64) string {
	const most = 60
	if size == 0 {
		return `""`
	}
	p := make([]byte, min(size, most+headSize))
	n, err := peek(tid, uintptr(addr), p)
	if err != nil {
		return "?"
	}
	text := t.mask(string(p[:n]))
	if len(text) > most {
		return strconv.Quote(text[:most]) + "…"
	}
	return strconv.Quote(text)
}

// outcome is the result of a call in a word.
func (t *tracer) outcome(tid int, c call, value int64) string {
	if err := result(value); err != nil {
		errno := err.(unix.Errno)
		locks := c.name == "flock" || c.name == "fcntl"
		if locks && (errno == unix.EAGAIN || errno == unix.EACCES) {
			return "refused"
		}
		return unix.ErrnoName(errno)
	}
	switch c.name {
	case "read", "pread64":
		return t.data(tid, c.args[1], uint64(value))
	case "write", "pwrite64":
		if value < int64(c.args[2]) {
			return "short"
		}
	case "fcntl":
		if c.args[1] == unix.F_GETLK || c.args[1] == unix.F_OFD_GETLK {
			return lockType(readLock(tid, c.args[2]))
		}
	}
	return "ok"
}

var openFlagNames = []struct {
	bit  uint64
	name string
}{
	{unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"},
	{unix.O_APPEND, "O_APPEND"}, {unix.O_NOFOLLOW, "O_NOFOLLOW"}, {unix.O_DIRECTORY, "O_DIRECTORY"},
	{unix.O_NONBLOCK, "O_NONBLOCK"}, {unix.O_PATH, "O_PATH"},
}

// openFlags names flags, first the one that matters most where little is shown.
func openFlags(flags uint64) string {
	var words []string
	if flags&unix.O_TRUNC != 0 {
		words = append(words, "O_TRUNC")
	}
	words = append(words, []string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR"}[flags&unix.O_ACCMODE])
	for _, f := range openFlagNames {
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
}

func (t *tracer) fcntlWords(tid int, arg [6]uint64) string {
	return fcntlNames[arg[1]] + " " + lockType(readLock(tid, arg[2]))
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
