package trace

import "golang.org/x/sys/unix"

var archNaps map[int]string

// sysPause is no system call of this architecture.
const sysPause = -1

// forks are the calls in which the parent of a vfork waits for its child.
var forks = map[int]bool{unix.SYS_CLONE: true, unix.SYS_CLONE3: true}
