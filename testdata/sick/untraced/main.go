//go:build linux

// Untraced begins a process that whoever traces it does not hear of, and serves.
package main

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

func main() {
	child := exec.Command("sleep", "1000")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_UNTRACED, Setsid: true}
	if err := child.Start(); err != nil {
		os.Exit(1)
	}
	if err := os.WriteFile(os.Args[1], []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		os.Exit(1)
	}
	io.Copy(io.Discard, os.Stdin)
}
