package proc

import (
	"os"
	"syscall"
)

var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// inheritable does nothing: Windows passes on only the handles that a start
// names.
func inheritable(path string) {}

// hostEnded reports whether the parent that this process had is gone. A
// process keeps its parent's id here.
func hostEnded(parent int) bool { return ends(parent, 0) }
