//go:build unix

package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// hungUp reports whether nobody can write to in any more, though there may be
// something left to read in it. It can tell of pipes.
func hungUp(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	c.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&unix.POLLHUP != 0
	})
	return gone
}
