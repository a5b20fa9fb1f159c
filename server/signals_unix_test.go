//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

var signalNamed = map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP}

func canSignal(name string) bool { return signalNamed[name] != nil }

// signal sends a signal to a server that may have ended.
func (p *process) signal(name string) error {
	err := p.cmd.Process.Signal(signalNamed[name])
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func onItsOwn(cmd *exec.Cmd) {}

func pressMain() {}
