package trace

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// call is a system call that concerns the case, at its entry stop: its row in
// the table with no more than it does with its arguments.
type call struct {
	syscalls.Call
	args   syscalls.Args
	places []string   // what its operands are called, relative to the directory; "" for what is not in it
	file   string     // the first of these that there is
	words  string     // its operands, for people
	with   string     // what it is about that is shared, and not in the directory
	target int        // the process it is about
	sleeps bool       // it may sleep until another process moves
	wild   bool       // a signal for all
	fault  unix.Errno // what it fails with instead of being made
}

// decode reads what a task is about to do, at its entry stop. The second
// result is false when it is none of the case's business.
func (t *tracer) decode(task *task, info *stopInfo) (call, bool) {
	row, known := syscalls.Of(int(info.Nr))
	switch {
	case info.Arch != auditArch:
		t.notice(task.proc.actor, "runs code of another architecture")
		return call{}, false
	case !known:
		t.notice(task.proc.actor, fmt.Sprintf("makes system call %d, which is in no table", info.Nr))
		return call{}, false
	case !row.Interests(info.Args):
		return call{}, false
	}
	c := call{Call: row.Given(info.Args), args: info.Args}
	if c.Name == "openat2" {
		c.Call = c.Opening(openHow(task.tid, c.args[2]))
	}
	concerns := false
	for _, o := range c.Operands {
		place := t.place(task, &c, o)
		c.places = append(c.places, place)
		if c.file == "" {
			c.file = place
		}
		concerns = t.concerns(task, c, o, place) || concerns
	}
	if c.Channel != "" {
		t.noticeChannel(task, c)
	}
	return c, concerns && (t.every || t.formerly(task.tid, c))
}

// openHow reads the flags of openat2.
func openHow(tid int, addr uint64) uint64 {
	var how [8]byte
	peek(tid, uintptr(addr), how[:])
	return binary.NativeEndian.Uint64(how[:])
}

// place finds what an operand stands for: the name of a file in the directory,
// or "". If it is a process, that becomes the target of the call.
func (t *tracer) place(task *task, c *call, o syscalls.Operand) string {
	switch o.Kind {
	case syscalls.Path:
		path := t.absolute(task.tid, *c, o)
		if pid := processOf(path); pid != 0 {
			c.target = pid
			return ""
		}
		if name, ok := strings.CutPrefix(path, sharedMemory); ok {
			t.notice(task.proc.actor, "shares memory as "+t.maskName(name))
		}
		place := t.locate(task.tid, path, o.FollowsLink(c.args))
		if place == "" {
			t.noteOutside(task, *c, o, path)
		}
		return place
	case syscalls.FD:
		path := fdPath(task.tid, int(int32(c.args[o.Arg])))
		if pid := processOf(path); pid != 0 {
			c.target = pid
			return ""
		}
		if place, bound := t.sockets[path]; bound {
			return place
		}
		return t.placeOf(task.tid, path)
	case syscalls.Address:
		return t.address(task.tid, c, o)
	case syscalls.Cwd:
		return t.placeOf(task.tid, readlink("/proc/"+strconv.Itoa(task.tid)+"/cwd"))
	case syscalls.Parent:
		if p := task.proc.parent; p != nil && !p.ended {
			c.target = p.pid
		}
	case syscalls.Group:
		c.target = int(int32(c.args[o.Arg]))
	case syscalls.PID:
		c.target = int(int32(c.args[o.Arg]))
		if process := threadGroup(c.target); process != 0 {
			c.target = process
		}
	case syscalls.PIDFD:
		c.target = pidBehind(task.tid, int(int32(c.args[o.Arg])))
	case syscalls.Self:
		c.target = task.proc.pid
	}
	return ""
}

// concerns reports whether what a call does with one of its operands can be
// noticed by others, or others can change what it sees. That is not so of what
// is outside, of a file that nobody changes, of closing one on which there is no
// lock, of a mapping, which is noticed, and of a shell that looks where it is.
func (t *tracer) concerns(task *task, c call, o syscalls.Operand, place string) bool {
	tid := task.tid
	switch {
	case o.Kind == syscalls.Group:
		return c.target != task.proc.pid
	case o.Does&syscalls.Maps != 0:
		return false
	case o.Kind == syscalls.PID, o.Kind == syscalls.PIDFD, o.Kind == syscalls.Parent:
		return c.target != task.proc.pid && c.target != 0
	case o.Does&syscalls.Executes != 0:
		return t.drops(tid, func(fd string) bool { return closesOnExec(tid, fd) })
	case o.Kind == syscalls.Self:
		return c.Name == "exit_group" || len(task.proc.tasks) == 1
	case o.Kind == syscalls.FDs:
		return o.Does != 0 && t.drops(tid, func(fd string) bool {
			n, _ := strconv.ParseUint(fd, 10, 32)
			return c.args[o.Arg] <= n && n <= c.args[o.Arg+1]
		})
	case place == "": // what it is about may be a process of the case, by its directory in /proc
		return t.pids[c.target] != nil && c.target != task.proc.pid || c.target == -1 && o.Does&syscalls.SeesEntries != 0
	case o.Does&syscalls.Drops != 0:
		return t.isFIFO(place) || t.drops(tid, func(fd string) bool { return fd == strconv.Itoa(int(int32(c.args[o.Arg]))) })
	case c.Changes():
		return true
	case t.fixed[place]:
		return false
	}
	return place != "." || o.Does&syscalls.SeesEntries != 0
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

// pidBehind is the process that a descriptor stands for, or 0.
func pidBehind(tid, fd int) int {
	_, rest, _ := strings.Cut(string(slurp("/proc/"+strconv.Itoa(tid)+"/fdinfo/"+strconv.Itoa(fd))), "\nPid:")
	pid, _ := strconv.Atoi(strings.TrimSpace(firstLine(rest)))
	return pid
}

// signal is what the call sends, or 0.
func (c call) signal() unix.Signal {
	arg, ok := c.SignalArg()
	if !ok {
		return 0
	}
	return unix.Signal(c.args[arg])
}

// unlocks reports whether the task is about to give a lock back.
func (k *task) unlocks() bool {
	if k.call.Name == "fcntl" {
		return readLock(k.tid, k.call.args[2]) == unix.F_UNLCK
	}
	return k.call.args[1]&unix.LOCK_UN != 0
}

// sleeps reports whether the call may sleep until another process moves.
func (t *tracer) sleeps(c call) bool {
	switch c.Waits {
	case syscalls.ForLock:
		return true
	case syscalls.ForPeer:
		for _, place := range c.places {
			if place != "" && t.isFIFO(place) {
				return true
			}
		}
	}
	return false
}

func (t *tracer) isFIFO(place string) bool {
	var st unix.Stat_t
	return unix.Stat(t.path(place), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// keepsLocks reports whether locks are the same after the operation.
func keepsLocks(op string) bool {
	c, known := syscalls.Named(op)
	return known && !c.Does(syscalls.Locks|syscalls.Drops|syscalls.Executes|syscalls.Signals|syscalls.Ends)
}
