package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// settles is how long, in its own time, a program that is not wanted may take to
// end.
const settles = time.Second

// busy reports whether a thread of the process runs, or wants to, or waits
// for a disk: whether there is anything that it would do sooner on an idle
// machine.
func busy(pid int) bool {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	for _, path := range threads {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		switch state(data) {
		case 'R', 'D':
			return true
		}
	}
	return false
}

// state returns the state in a stat file of /proc: pid (name) state ...
func state(stat []byte) byte {
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	if len(after) < 2 {
		return 0
	}
	return after[1]
}

// zombie reports whether the process has ended and only waits to be asked
// about it.
func zombie(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && state(data) == 'Z'
}
