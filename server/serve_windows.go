package main

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// stopSignals: Go delivers CTRL_C and CTRL_BREAK as Interrupt, and CTRL_CLOSE,
// log-off and shutdown as SIGTERM.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

func ignoreBrokenPipe() {}

func watchHost(ctx context.Context, host int, gone func()) {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(host))
	if err != nil {
		return // not ours to watch; end of input has to do
	}
	defer windows.CloseHandle(process)
	if startedAfter(process, windows.CurrentProcess()) {
		return // another process that was given our host's id
	}
	for ctx.Err() == nil {
		event, err := windows.WaitForSingleObject(process, uint32(hostInterval/time.Millisecond))
		if err != nil {
			return
		}
		if event == windows.WAIT_OBJECT_0 {
			gone()
			return
		}
	}
}

func startedAfter(a, b windows.Handle) bool {
	var started [2]windows.Filetime
	for i, p := range []windows.Handle{a, b} {
		var exit, kernel, user windows.Filetime
		if windows.GetProcessTimes(p, &started[i], &exit, &kernel, &user) != nil {
			return true
		}
	}
	return started[0].Nanoseconds() > started[1].Nanoseconds()
}

// hungUp reports false: Windows tells the end of a pipe only to who has read
// what is in it.
func hungUp(io.Reader) bool { return false }
