//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// variants are the correct protocol and what real software did instead.
var variants = map[string]variant{
	"correct":              correct(nil),
	"standby":              correct(func(v *variant) { v.standby = true }),
	"losers-forgotten":     correct(func(v *variant) { v.standby, v.forgotten = true, true }),
	"truncate-before-lock": correct(func(v *variant) { v.flags = unix.O_TRUNC }),
	"no-recheck":           correct(func(v *variant) { v.unchecked = true }),
	"write-before-lock":    correct(func(v *variant) { v.early = true }),
	"follows-symlink":      correct(func(v *variant) { v.follows = true }),
	"loser-unlinks":        correct(func(v *variant) { v.loses = func(path string) { unix.Unlink(path) } }),
	"unlink-by-path": correct(func(v *variant) {
		v.release = func(path string, fd int) error {
			unix.Unlink(path)
			return unix.Close(fd)
		}
	}),
	"unlock-then-unlink": correct(func(v *variant) {
		v.release = func(path string, fd int) error {
			unix.Close(fd)
			return unix.Unlink(path)
		}
	}),
	"no-truncate": correct(func(v *variant) {
		v.record = func(fd, pid int) error {
			_, err := unix.Pwrite(fd, []byte(strconv.Itoa(pid)+"\n"), 0)
			return err
		}
	}),
	"rewrite-truncating": correct(func(v *variant) {
		v.record = func(fd, pid int) error {
			if err := unix.Ftruncate(fd, 0); err != nil {
				return err
			}
			return record(fd, pid)
		}
	}),
	"exists-means-running": correct(func(v *variant) {
		v.claim = create
		v.release = unlink
	}),
	"stale-by-pid": correct(func(v *variant) {
		v.claim = func(path string) error {
			if alive(path) {
				return errRunning
			}
			unix.Unlink(path)
			return create(path)
		}
		v.release = unlink
	}),
	"check-then-write": correct(func(v *variant) {
		v.claim = func(path string) error {
			if alive(path) {
				return errRunning
			}
			return os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
		}
		v.release = unlink
	}),
	"crash-between-create-and-write": correct(func(v *variant) {
		v.claim = func(path string) error {
			if data, err := os.ReadFile(path); err == nil && len(data) == 0 {
				return errRunning // somebody is about to write
			}
			return replace(path)
		}
		v.release = unlink
	}),
	"child-inherits-lock": correct(func(v *variant) {
		v.serving = func(_ string, fd int) {
			c := exec.Command("sleep", "1000")
			c.ExtraFiles = []*os.File{os.NewFile(uintptr(fd), "lock")}
			c.Start()
		}
	}),
	"close-without-unlock": correct(func(v *variant) {
		v.release = func(_ string, fd int) error { // the file stays
			go syscall.ForkExec("/bin/true", []string{"true"}, nil)
			for !forked() {
				runtime.Gosched()
			}
			unix.Ftruncate(fd, 0)
			return unix.Close(fd) // and the child, before its exec, has the descriptor too
		}
	}),
	"record-lock-lost": correct(func(v *variant) {
		v.claim = func(path string) error {
			fd, err := correct(nil).open(path)
			if err != nil {
				return err
			}
			lock := unix.Flock_t{Type: unix.F_WRLCK}
			if unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &lock) != nil {
				return errRunning
			}
			if err := record(fd, os.Getpid()); err != nil {
				return err
			}
			os.ReadFile(path) // its close drops the lock
			return nil
		}
		v.release = unlink
	}),
	"unsupported-is-acquired": correct(func(v *variant) { v.credulous = true }),
	"write-error-ignored": correct(func(v *variant) {
		v.record = func(fd, pid int) error {
			record(fd, pid)
			return nil
		}
	}),
	"collected-lock": correct(func(v *variant) {
		v.serving = func(_ string, fd int) {
			os.NewFile(uintptr(fd), "lock")
			runtime.GC()
		}
	}),
	"probe-takes-exclusive": correct(func(v *variant) { v.impatient = true }),
	"probe-trusts-residue": correct(func(v *variant) {
		v.probe = func(path string) (bool, int, error) {
			running, _, err := probe(path)
			return running, recorded(path), err
		}
	}),
	"probe-reads-then-locks": correct(func(v *variant) {
		v.probe = func(path string) (bool, int, error) {
			pid := recorded(path)
			running, _, err := probe(path)
			return running, pid, err
		}
	}),
	"probe-creates": correct(func(v *variant) {
		v.probe = func(path string) (bool, int, error) {
			if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
				f.Close()
			}
			return probe(path)
		}
	}),
}

// correct returns the correct variant with what change makes of it.
func correct(change func(*variant)) variant {
	v := variant{record: record, release: release, probe: probe}
	if change != nil {
		change(&v)
	}
	return v
}

// create makes a pid file that must not be there yet.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errRunning
	}
	defer f.Close()
	_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	return err
}

// replace creates the file unless a living process is recorded in it.
func replace(path string) error {
	if alive(path) {
		return errRunning
	}
	unix.Unlink(path)
	return create(path)
}

// forked reports whether this process has a child.
func forked() bool {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		if data, err := os.ReadFile(list); err == nil && len(data) > 0 {
			return true
		}
	}
	return false
}

func unlink(path string, _ int) error { return unix.Unlink(path) }

func recorded(path string) int {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	return pidIn(fd)
}

func alive(path string) bool {
	pid := recorded(path)
	return pid > 0 && unix.Kill(pid, 0) != unix.ESRCH
}
