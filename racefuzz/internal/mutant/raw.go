package mutant

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/lock"
)

// Raw is what real programs do besides what the pid file asks of a system.
type Raw interface {
	lock.System

	// OpenFile is [os.OpenFile]: it follows links, opens whatever it finds,
	// waits for the other end of a FIFO, and under Windows does not share the
	// file's deletion.
	OpenFile(path string, flag int) (lock.File, error)

	// Signal is kill(pid, 0): nil, [os.ErrProcessDone] where there is no such
	// process, or [os.ErrPermission] where it is somebody else's.
	Signal(pid int) error
}

// RangeLocker is what an open file of Windows has besides: a lock that keeps
// others from reading and writing the bytes it lies on.
type RangeLocker interface {
	TryLockRange(off, n int64, exclusive bool) error // lock.ErrRefused as TryLock
	UnlockRange(off, n int64) error
}

func openFile(sys lock.System, path string, flag int) (lock.File, error) {
	if raw, ok := sys.(Raw); ok {
		return raw.OpenFile(path, flag)
	}
	return nil, errors.ErrUnsupported
}

func signal(sys lock.System, pid int) error {
	if raw, ok := sys.(Raw); ok {
		return raw.Signal(pid)
	}
	return errors.ErrUnsupported
}

// alive reports whether there is a process pid, its own or another's.
func alive(sys lock.System, pid int) bool {
	if pid <= 0 {
		return false
	}
	err := signal(sys, pid)
	return err == nil || errors.Is(err, os.ErrPermission)
}

func pidLine(pid int) []byte { return fmt.Appendln(nil, pid) }

// record writes the pid as the shipped protocol does.
func record(f lock.File, pid int) error {
	n, err := f.WriteAt(pidLine(pid), 0)
	if err != nil {
		return err
	}
	return f.Truncate(int64(n))
}

// read returns what the file at path holds.
func read(sys lock.System, path string) (string, error) {
	f, err := sys.Open(path, lock.Read)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var buf [32]byte
	n, err := f.ReadAt(buf[:], 0)
	if err == io.EOF {
		err = nil
	}
	return string(buf[:n]), err
}

// recorded returns the pid in the file at path, or 0.
func recorded(sys lock.System, path string) int {
	text, _ := read(sys, path)
	return number(text)
}

// number returns the pid that text is, or 0.
func number(text string) int {
	pid, _ := strconv.Atoi(strings.TrimSpace(text))
	return pid
}
