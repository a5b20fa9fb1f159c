//go:build linux

// Daemon is a small server that waits for the end of its input or SIGTERM
// while it holds a pid file, in as many variants as there are bugs in variants.
//
//	daemon VARIANT PIDFILE          serve
//	daemon VARIANT PIDFILE probe    say whether one serves: "running 4242", or exit 3
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// variant is a protocol with at most one bug. The zero variant is correct.
type variant struct {
	claim     func(path string) error // takes the place of the lock
	flags     int                     // more flags for the open
	follows   bool                    // links
	early     bool                    // the pid is written before the lock is asked for
	unchecked bool                    // whether the name still means the locked file
	impatient bool                    // with probes
	credulous bool                    // takes any error but a refusal for a lock
	standby   bool                    // a refused start waits for its turn
	forgotten bool                    // and never gets it
	record    func(fd, pid int) error
	serving   func(path string, fd int)
	loses     func(path string)
	release   func(path string, fd int) error
	probe     func(path string) (bool, int, error)
}

var errRunning = errors.New("already running")

func main() {
	v, known := variants[os.Args[1]]
	path := os.Args[2]
	if !known {
		fail(2, fmt.Errorf("no variant %q", os.Args[1]))
	}
	if len(os.Args) > 3 {
		v.answer(path)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM)
	held := make(chan int, 1)
	fd, err := v.acquire(path)
	switch {
	case err == nil:
		held <- fd
		if v.serving != nil {
			v.serving(path, fd)
		}
	case v.standby && err == errRunning:
		if !v.forgotten {
			go v.succeed(path, held)
		}
	default:
		if v.loses != nil {
			v.loses(path)
		}
		fail(1, err)
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop <- unix.SIGTERM
	}()
	<-stop
	select {
	case fd := <-held:
		if err := v.release(path, fd); err != nil {
			fail(1, err)
		}
	default: // a standby
	}
}

// succeed waits until the lock is free.
func (v variant) succeed(path string, held chan<- int) {
	for {
		time.Sleep(500 * time.Millisecond)
		if fd, err := v.acquire(path); err == nil {
			held <- fd
			return
		}
	}
}

func fail(status int, err error) {
	fmt.Fprintln(os.Stderr, "daemon:", err)
	os.Exit(status)
}

func (v variant) acquire(path string) (int, error) {
	if v.claim != nil {
		return -1, v.claim(path)
	}
	for {
		fd, err := v.open(path)
		if err != nil {
			return -1, err
		}
		if v.early {
			if err := v.record(fd, os.Getpid()); err != nil {
				return -1, err
			}
		}
		if err := v.lock(fd); err != nil {
			return -1, err
		}
		if !v.unchecked && !v.same(fd, path) {
			unix.Close(fd)
			continue
		}
		if v.early {
			return fd, nil
		}
		return fd, v.record(fd, os.Getpid())
	}
}

func (v variant) open(path string) (int, error) {
	flags := unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC | v.flags
	if !v.follows {
		flags |= unix.O_NOFOLLOW
	}
	return unix.Open(path, flags, 0o600)
}

// lock refuses at once where a server holds the lock, and waits for probes,
// which share theirs.
func (v variant) lock(fd int) error {
	for range 100 {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || v.credulous && err != unix.EWOULDBLOCK {
			return nil
		}
		if err != unix.EWOULDBLOCK {
			return err
		}
		if v.impatient || unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) != nil {
			break
		}
		unix.Flock(fd, unix.LOCK_UN)
		time.Sleep(time.Millisecond)
	}
	return errRunning
}

// same reports whether the name still means the open file.
func (v variant) same(fd int, path string) bool {
	stat := unix.Lstat
	if v.follows {
		stat = unix.Stat
	}
	var open, named unix.Stat_t
	return unix.Fstat(fd, &open) == nil && stat(path, &named) == nil &&
		open.Dev == named.Dev && open.Ino == named.Ino
}

// record writes the pid over the old one and only then cuts off what is left.
func record(fd, pid int) error {
	line := []byte(strconv.Itoa(pid) + "\n")
	if _, err := unix.Pwrite(fd, line, 0); err != nil {
		return err
	}
	return unix.Ftruncate(fd, int64(len(line)))
}

func release(path string, fd int) error {
	if (variant{}).same(fd, path) {
		if err := unix.Unlink(path); err != nil {
			return err
		}
	}
	if err := unix.Flock(fd, unix.LOCK_UN); err != nil {
		return err
	}
	return unix.Close(fd)
}

// probe asks for a shared lock: refused means that a server holds it.
func probe(path string) (bool, int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err == unix.ENOENT {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, err
	}
	defer unix.Close(fd)
	if unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) == nil {
		return false, 0, unix.Flock(fd, unix.LOCK_UN)
	}
	pid := pidIn(fd)
	if unix.Kill(pid, 0) == unix.ESRCH {
		pid = 0
	}
	return true, pid, nil
}

// answer prints what the probe says and exits, with 0, or 3 for nobody.
func (v variant) answer(path string) {
	running, pid, err := v.probe(path)
	switch {
	case err != nil:
		fail(1, err)
	case !running:
		os.Exit(3)
	case pid == 0:
		fmt.Println("running")
	default:
		fmt.Println("running", pid)
	}
	os.Exit(0)
}

// pidIn reads the pid from an open file, 0 if there is none.
func pidIn(fd int) int {
	var buf [32]byte
	n, err := unix.Pread(fd, buf[:], 0)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	return pid
}
