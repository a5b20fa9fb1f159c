//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

var stopSignals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}

// ignoreBrokenPipe makes writing to a host that is gone an error instead of
// the end of the process.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }

// watchHost calls gone when host, the process that started this one, has
// ended. End of input does not always tell: whoever inherited the pipe keeps it
// open.
func watchHost(ctx context.Context, host int, gone func()) {
	for os.Getppid() == host {
		if !pause(ctx, hostInterval) {
			return
		}
	}
	gone()
}

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
