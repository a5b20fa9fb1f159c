package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// foreignUsers names the processes, other than this one, that have a file of
// the database in dir open, in any way: with SQLite, or copying it. It sees
// the processes that this user may look into.
func foreignUsers(dir string) []string {
	var files []os.FileInfo
	for _, name := range databaseFiles(databaseFile) {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			files = append(files, info)
		}
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return foreignConnection(dir)
	}
	var who []string
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() || !hasOpen(pid, files) {
			continue
		}
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		who = append(who, fmt.Sprintf("%s, pid %d", strings.TrimSpace(string(name)), pid))
	}
	if len(who) > 0 {
		return who
	}
	return foreignConnection(dir)
}

func hasOpen(pid int, files []os.FileInfo) bool {
	descriptors, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, d := range descriptors {
		open, err := os.Stat(d)
		if err != nil {
			continue
		}
		for _, f := range files {
			if os.SameFile(open, f) {
				return true
			}
		}
	}
	return false
}
