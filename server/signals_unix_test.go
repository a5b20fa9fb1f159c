//go:build unix

package main

import (
	"os"
	"syscall"
)

var signalNamed = map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP}
