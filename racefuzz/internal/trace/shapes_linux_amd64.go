package trace

import "golang.org/x/sys/unix"

var archShapes = map[int]shape{
	unix.SYS_OPEN:       onPath("open", 0),
	unix.SYS_CREAT:      onPath("creat", 0),
	unix.SYS_STAT:       onPath("stat", 0),
	unix.SYS_LSTAT:      onPath("lstat", 0),
	unix.SYS_NEWFSTATAT: atPath("newfstatat", 0, 1),
	unix.SYS_ACCESS:     onPath("access", 0),
	unix.SYS_RENAME:     onPaths("rename", 0, 1),
	unix.SYS_RENAMEAT:   atPaths("renameat", 0, 1, 2, 3),
	unix.SYS_LINK:       onPaths("link", 0, 1),
	unix.SYS_SYMLINK:    onPath("symlink", 1),
	unix.SYS_UNLINK:     onPath("unlink", 0),
	unix.SYS_MKDIR:      onPath("mkdir", 0),
	unix.SYS_RMDIR:      onPath("rmdir", 0),
	unix.SYS_MKNOD:      onPath("mknod", 0),
}

var archNaps = map[int]string{
	unix.SYS_EPOLL_WAIT: "epoll_wait",
	unix.SYS_POLL:       "poll",
	unix.SYS_SELECT:     "select",
}

// forks are the calls in which the parent of a vfork waits for its child.
var forks = map[int]bool{unix.SYS_VFORK: true, unix.SYS_CLONE: true, unix.SYS_CLONE3: true}
