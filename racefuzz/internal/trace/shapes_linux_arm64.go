package trace

import "golang.org/x/sys/unix"

var archShapes = map[int]shape{
	unix.SYS_FSTATAT:  atPath("newfstatat", 0, 1),
	unix.SYS_RENAMEAT: atPaths("renameat", 0, 1, 2, 3),
}

var archNaps map[int]string

// forks are the calls in which the parent of a vfork waits for its child.
var forks = map[int]bool{unix.SYS_CLONE: true, unix.SYS_CLONE3: true}
