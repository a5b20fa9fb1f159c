package trace

import (
	"slices"
	"strconv"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// Schedules that were recorded before every call was a step know these alone.
// Their cases say nothing of which calls are steps.
var formerSteps = []string{
	"open", "openat", "openat2", "creat", "close", "flock", "fcntl", "ftruncate", "truncate", "read", "getdents64", "pread64", "write", "pwrite64", "writev",
	"pwritev", "sendfile", "copy_file_range", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir",
	"mkdirat", "rmdir", "mknod", "mknodat", "stat", "lstat", "newfstatat", "statx", "fstat", "access", "faccessat", "faccessat2", "kill", "execve", "exit_group",
}

// everyCall is the option of a case in which every call is a step.
const everyCall = "every"

// formerly reports whether a call that concerns the case was a step at that time.
func (t *tracer) formerly(tid int, c call) bool {
	o := c.Operands[0]
	fd := strconv.Itoa(int(int32(c.args[max(o.Arg, 0)])))
	switch {
	case !slices.Contains(formerSteps, c.Name), c.file == "" && c.target > 0 && c.Name != "kill" && c.Name != "exit_group":
		return false
	case c.Name == "exit_group":
		return t.drops(tid, func(string) bool { return true })
	case c.Name == "read":
		return int32(c.args[0]) > 2
	case o.Does&syscalls.SeesNode != 0 && o.Kind == syscalls.Path && !t.spells(tid, c, o):
		fd = strconv.Itoa(int(int32(c.args[max(o.Dir, 0)])))
		return o.Dir != syscalls.None && locked(tid, fd)
	case o.Does&syscalls.SeesNode != 0 && o.Kind == syscalls.FD:
		return locked(tid, fd)
	}
	return true
}

// spells reports whether a path has a letter at all: the file may be named by
// its descriptor alone.
func (t *tracer) spells(tid int, c call, o syscalls.Operand) bool {
	path, err := peekString(tid, uintptr(c.args[o.Arg]))
	return err == nil && path != ""
}
