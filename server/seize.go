package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
)

// seized is what keeps every server away from the store.
type seized struct {
	made     []string // directories, the innermost first
	pidFiles []*lock.PIDFile
	barrier  *lock.Barrier   // nil where there is no store
	running  *lock.HeldError // whose pid file was overridden, or nil
}

func (s *seized) release() {
	if s.barrier != nil {
		s.barrier.Release()
	}
	for _, f := range s.pidFiles {
		f.Release()
	}
	for _, dir := range s.made {
		os.Remove(dir) // unless somebody uses it by now
	}
}

// seizeWait is how long an uninstall waits for those who look at the store
// only for a moment, such as 'memlatch status'.
const seizeWait = time.Second

// seize takes the pid file's place and the barrier, or says who has them and
// what to do about it. It does not ask first and take later.
func (r *removal) seize() (_ *seized, err error) {
	s := &seized{}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if err := r.seizePIDFiles(s); err != nil {
		return s, err
	}
	if err := r.look(); err != nil || !r.exists { // for another uninstall may have been at work
		return s, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), seizeWait)
	defer cancel()
	path := filepath.Join(r.store, barrierFile)
	s.barrier, err = lock.Exclude(ctx, path)
	if errors.Is(err, fs.ErrNotExist) { // another uninstall was faster, beside a server that both override
		r.exists = false
		return s, nil
	}
	if errors.Is(err, lock.ErrHeld) {
		who := "in use by a server that is not recorded"
		if s.running != nil {
			who = "open in a running server (" + pidText(s.running.PID) + ")"
		}
		return s, &problem{what: "the store is " + who + "; refusing to remove it",
			hint: namesUsers + quote(path) + " names it; close its host and try again"}
	}
	if err != nil || r.force {
		return s, err
	}
	if who := foreignUsers(r.store); len(who) > 0 {
		return s, &problem{what: "the database is open in another program (" + strings.Join(who, ", ") + "); refusing to remove it",
			hint: "close it and try again, or remove the memories all the same: memlatch uninstall --force"}
	}
	return s, nil
}

// seizePIDFiles takes the pid files that it can: where there can be none, the
// barrier alone has to keep servers out.
func (r *removal) seizePIDFiles(s *seized) error {
	s.made = absent(runtimeDirs()[0])
	runtimeDir() // to be there
	for _, path := range r.pidFiles() {
		f, err := acquire(path)
		var held *lock.HeldError
		switch {
		case err == nil:
			s.pidFiles = append(s.pidFiles, f)
		case !errors.As(err, &held):
			continue
		case r.force:
			s.running = held
		default:
			p := &problem{what: "Server still running (" + pidText(held.PID) + "). Refusing to remove its memories",
				hint: fmt.Sprint("close its host, or run: ", endProcess, held.PID)}
			switch {
			case r.exists && removing(r.store):
				p = &problem{what: "another uninstall is at work", hint: "wait for it to end"}
			case held.PID == 0:
				p.hint = namesUsers + quote(path) + " names it; close its host and try again"
			}
			return p
		}
	}
	return nil
}

// removing reports whether an uninstall has the store, which was there, for
// itself, or has removed it.
func removing(store string) bool {
	path := filepath.Join(store, barrierFile)
	if _, err := os.Lstat(path); err != nil {
		_, err = os.Lstat(store)
		return errors.Is(err, fs.ErrNotExist)
	}
	b, err := lock.Share(once(), path)
	if err == nil {
		b.Release()
	}
	return errors.Is(err, lock.ErrHeld)
}

// removeStale removes the pid files that nobody holds: what is left of servers
// that were killed, and of an uninstall that was interrupted at its last step.
func (r *removal) removeStale() {
	for _, path := range r.pidFiles() {
		if status, err := lock.Probe(path); err != nil || status.State != lock.Stale {
			continue
		}
		if f, err := lock.Acquire(path); err == nil && f.Release() == nil {
			fmt.Fprintf(r.stdout, "removed a stale pid file: %s\n", quote(path))
		}
	}
}

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
		descriptors, _ := filepath.Glob(filepath.Join("/proc", p.Name(), "fd", "*"))
		if err == nil && pid != os.Getpid() && slices.ContainsFunc(descriptors, func(d string) bool {
			open, err := os.Stat(d)
			return err == nil && slices.ContainsFunc(files, func(f os.FileInfo) bool { return os.SameFile(open, f) })
		}) {
			name, _ := os.ReadFile(filepath.Join("/proc", p.Name(), "comm"))
			who = append(who, fmt.Sprintf("%s, pid %d", strings.TrimSpace(string(name)), pid))
		}
	}
	if len(who) > 0 {
		return who
	}
	return foreignConnection(dir)
}

// foreignConnection says whether anybody has a connection to the database in
// dir. SQLite leaves WAL mode only when nobody has, and it may: whoever opens
// the store next enters WAL mode again. What is no database has no users.
func foreignConnection(dir string) []string {
	db, err := openDatabase(context.Background(), dir, false)
	if err == nil {
		defer db.Close()
		_, err = db.Exec("PRAGMA busy_timeout = 250; PRAGMA journal_mode = DELETE")
	}
	if isBusy(err) {
		return []string{"its name is not known"}
	}
	return nil
}
