//go:build unix

package proc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// processLocks are the mutants whose locks depend on what else happens in the
// process.
func processLocks() []StandIn {
	return []StandIn{
		{
			Name:   "collected-lock",
			Bug:    "nothing keeps the open file reachable, and the garbage collector closes it",
			Source: "singularity#2607, minio#4530",
			Breaks: []race.Invariant{race.OneHolder, race.ReadersFindTheHolder, race.ProbesTellTheTruth},
			Acquire: func(path string) (Holder, error) {
				_, err := lockFile(path, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
				if err != nil {
					return nil, err
				}
				return &byContent{path}, nil
			},
		},
		{
			Name:   "record-lock-lost",
			Bug:    "the lock is one of fcntl(2), and closing any other descriptor of the file drops it",
			Source: "iceoryx2#1718, tessera#973",
			Breaks: []race.Invariant{race.OneHolder, race.ReadersFindTheHolder, race.ProbesTellTheTruth},
			Acquire: func(path string) (Holder, error) {
				f, err := lockFile(path, func(fd int) error {
					return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
				})
				if err != nil {
					return nil, err
				}
				return &recordLock{byContent{path}, f}, nil
			},
			Probe: probeRecordLock,
		},
	}
}

// lockFile makes the file at path this process's pid file, locked with take.
func lockFile(path string, take func(fd int) error) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, err
		}
		if err := take(int(f.Fd())); err != nil {
			f.Close()
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
				return nil, &lock.HeldError{Path: path}
			}
			return nil, err
		}
		open, err := f.Stat()
		named, nameErr := os.Lstat(path)
		if err == nil && nameErr == nil && os.SameFile(open, named) {
			n, err := f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
			return f, errors.Join(err, f.Truncate(int64(n)))
		}
		f.Close()
	}
}

// byContent is the holder of a pid file with its pid in it.
type byContent struct{ path string }

func (h *byContent) Check() error {
	if peek(h.path) != fmt.Sprintln(os.Getpid()) {
		return lock.ErrLost
	}
	return nil
}

func (h *byContent) Release() error {
	if h.Check() != nil {
		return nil
	}
	return os.Remove(h.path)
}

type recordLock struct {
	byContent
	file *os.File
}

func (h *recordLock) Release() error { return errors.Join(h.byContent.Release(), h.file.Close()) }

// probeRecordLock asks who has the lock. Of its own process's lock it learns
// nothing, and gives it up by closing the file.
func probeRecordLock(path string) (lock.Status, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return lock.Status{}, nil
	}
	if err != nil {
		return lock.Status{}, err
	}
	defer f.Close()
	own := fmt.Sprintln(os.Getpid())
	content, err := io.ReadAll(io.LimitReader(f, int64(len(own))+1))
	if err != nil {
		return lock.Status{}, err
	}
	if string(content) == own {
		return lock.Status{State: lock.Held, PID: os.Getpid()}, nil
	}
	owner := unix.Flock_t{Type: unix.F_RDLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &owner); err != nil {
		return lock.Status{}, err
	}
	if owner.Type == unix.F_UNLCK {
		return lock.Status{State: lock.Stale}, nil
	}
	return lock.Status{State: lock.Held, PID: int(owner.Pid)}, nil
}
