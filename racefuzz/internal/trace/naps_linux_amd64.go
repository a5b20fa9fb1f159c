package trace

import "golang.org/x/sys/unix"

var archNaps = map[int]string{
	unix.SYS_EPOLL_WAIT: "epoll_wait",
	unix.SYS_POLL:       "poll",
	unix.SYS_SELECT:     "select",
}

const sysPause = unix.SYS_PAUSE

// forks are the calls in which the parent of a vfork waits for its child.
var forks = map[int]bool{unix.SYS_VFORK: true, unix.SYS_CLONE: true, unix.SYS_CLONE3: true}
