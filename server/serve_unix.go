//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
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
		select {
		case <-ctx.Done():
			return
		case <-time.After(hostInterval):
		}
	}
	gone()
}
