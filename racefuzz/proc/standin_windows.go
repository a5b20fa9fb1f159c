package proc

import (
	"os"
	"syscall"
)

var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// inheritable does nothing: Windows passes on only the handles that a start
// names.
func inheritable(path string) {}
