package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// foreignUsers names the processes, other than this one, that have a file of
// the database in dir open, in any way: with SQLite, or copying it. It sees
// the processes that this user may look into. Systems other than Linux do not
// easily tell more than whether SQLite has it open.
func foreignUsers(dir string) []string {
	if runtime.GOOS != "linux" {
		return foreignConnection(dir)
	}
	var files []os.FileInfo
	for _, name := range databaseFiles(databaseFile) {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			files = append(files, info)
		}
	}
	var who []string
	processes, _ := os.ReadDir("/proc")
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
	return slices.ContainsFunc(descriptors, func(d string) bool {
		open, err := os.Stat(d)
		return err == nil && slices.ContainsFunc(files, func(f os.FileInfo) bool { return os.SameFile(open, f) })
	})
}

// foreignConnection says whether anybody has a connection to the database in
// dir. SQLite leaves WAL mode only when nobody has, and it may: whoever opens
// the store next enters WAL mode again. What is no database has no users.
func foreignConnection(dir string) []string {
	db, _, err := openDatabase(context.Background(), dir, false)
	if err == nil {
		defer db.Close()
		_, err = db.Exec("PRAGMA busy_timeout = 250; PRAGMA journal_mode = DELETE")
	}
	if isBusy(err) {
		return []string{"its name is not known"}
	}
	return nil
}
