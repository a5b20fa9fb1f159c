//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// alone puts cmd, with what it will start, into a process group of its own.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// end ends cmd's process group.
func end(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
