package main

// What Windows has for signals are keys that are pressed on a console. Each
// server has one to itself, and a program presses them there: only one that
// has given up its own console can.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/windows"
)

var keyNamed = map[string]uint32{"INT": windows.CTRL_C_EVENT, "TERM": windows.CTRL_BREAK_EVENT}

// canSignal reports whether a program that has a key pressed on its own
// console gets to know: Wine takes CTRL_BREAK for the end of the program.
func canSignal(name string) bool {
	key, named := keyNamed[name]
	return named && press(0, key) == nil
}

func (p *process) signal(name string) error { return press(p.pid(), keyNamed[name]) }

func onItsOwn(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
}

// press presses a key on the console of process pid, or with 0 on that of the
// program which does it, within a time that a program has which is stuck.
func press(pid int, key uint32) error {
	limited, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	cmd := exec.CommandContext(limited, "press", strconv.Itoa(pid), fmt.Sprint(key))
	onItsOwn(cmd)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

func pressMain() {
	pressed := make(chan os.Signal, 1)
	signal.Notify(pressed, os.Interrupt)
	var pid, key uint32
	_, err := fmt.Sscan(os.Args[1]+" "+os.Args[2], &pid, &key)
	if err == nil {
		err = pressHere(pid, key)
	}
	if err == nil && pid == 0 {
		<-pressed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pressHere(pid, key uint32) error {
	kernel32 := windows.NewLazySystemDLL("kernel32.dll")
	if pid != 0 {
		kernel32.NewProc("FreeConsole").Call()
		if done, _, err := kernel32.NewProc("AttachConsole").Call(uintptr(pid)); done == 0 {
			return fmt.Errorf("AttachConsole: %w", err)
		}
		kernel32.NewProc("SetConsoleCtrlHandler").Call(0, 1) // CTRL_C is for the others
	}
	return windows.GenerateConsoleCtrlEvent(key, 0)
}
