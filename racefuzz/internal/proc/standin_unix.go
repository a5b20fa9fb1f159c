//go:build unix

package proc

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

var stopSignals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}

// inheritable has the programs that this process starts inherit the
// descriptors of the file at path.
func inheritable(path string) {
	var named, open unix.Stat_t
	if unix.Lstat(path, &named) != nil {
		return
	}
	for fd := 3; fd < 64; fd++ {
		if unix.Fstat(fd, &open) == nil && open.Ino == named.Ino && open.Dev == named.Dev {
			unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		}
	}
}

// hostEnded reports whether the parent that this process had is gone.
func hostEnded(parent int) bool { return os.Getppid() != parent }
