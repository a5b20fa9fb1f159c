//go:build unix

package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPath is the longest path of a database that SQLite opens, in bytes: 512
// less the longest ending that it adds.
const maxPath = 512 - 8

// expand is path as a shell would read it.
func expand(path string) string { return os.ExpandEnv(path) }

func systemRuntimeDirs() []string {
	uid := strconv.Itoa(os.Geteuid())
	bases := []string{os.Getenv("XDG_RUNTIME_DIR")} // which counts if it is a whole path
	// Hosts strip the environment, so the variable's usual value counts too.
	if runtime.GOOS == "linux" {
		bases = append(bases, "/run/user/"+uid)
	}
	var dirs []string
	for _, base := range bases {
		if private(runtimeKind, base) == nil {
			dirs = append(dirs, filepath.Join(base, "memlatch"))
		}
	}
	// TMPDIR differs between a host and a terminal; /tmp does not.
	return append(dirs, "/tmp/memlatch-"+uid)
}

func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// mayRemove reports whether this user may remove path, as far as rights tell:
// in a sticky directory only what is his own.
func mayRemove(path string) bool {
	info, err := os.Lstat(path)
	parent, parentErr := os.Stat(filepath.Dir(path))
	if err != nil || parentErr != nil || writable(filepath.Dir(path)) != nil {
		return false
	}
	self := os.Geteuid()
	return self == 0 || parent.Mode()&fs.ModeSticky == 0 || ownerOf(info) == self || ownerOf(parent) == self
}

// writable returns an error where path may not be written.
func writable(path string) error { return unix.Access(path, unix.W_OK) }

// quote makes path one word of a shell's command line.
func quote(path string) string {
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// Commands that a person can give.
const (
	removeFile = "rm "
	removeAll  = "rm -r " // a directory
	namesUsers = "lsof "  // of a file
	endProcess = "kill "
)

// syncDir brings the names in dir to the disk, as far as the file system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// awaitRename has nothing to wait for: a file can be opened at any time.
func awaitRename(context.Context, string) {}

var stopSignals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}

// ignoreBrokenPipe makes writing to a host that is gone an error instead of
// the end of the process.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }

// watchHost calls gone when host, the process that started this one, has
// ended. End of input does not always tell: whoever inherited the pipe keeps it
// open.
func watchHost(ctx context.Context, host int, gone func()) {
	for os.Getppid() == host {
		if !pause(ctx, hostInterval) {
			return
		}
	}
	gone()
}

// hungUp reports whether nobody can write to in any more, though there may be
// something left to read in it. It can tell of pipes.
func hungUp(in io.Reader) (gone bool) {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	c.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&unix.POLLHUP != 0
	})
	return gone
}

// moveAside gives the store's directory the name aside, with the barrier in it
// held: whoever waits for it sees that it is not the store's any more.
func (r *removal) moveAside(_ *seized, aside string) error {
	return os.Rename(r.store, aside)
}

// patiently does what others do not get in the way of here.
func patiently(do func() error) error { return do() }
