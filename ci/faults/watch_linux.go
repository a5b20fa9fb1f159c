//go:build amd64 || arm64

package main

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// treatment is what happens to one system call: its process is killed before
// the call does anything, or the call fails with an error, having done nothing.
type treatment struct {
	name  string
	errno unix.Errno // 0: kill
}

var treatments = []treatment{
	{"kill", 0},
	{"EIO", unix.EIO},
	{"ENOSPC", unix.ENOSPC},
	{"EACCES", unix.EACCES},
}

// applies is false for an error that the call cannot have: a file is closed,
// and a lock given back, whatever happens.
func (t treatment) applies(call string) bool {
	return t.errno == 0 || call != "close" && call != "unlock"
}

// watch sees the system calls of a process under the filter that are about
// files of a scene, and treats one of them.
type watch struct {
	scene scene
	part  string // of the scene, or "" for all of it
	at    int    // which call is treated, from 0; -1: none
	how   treatment
	armed atomic.Bool // calls count from here on

	pid  int
	seen []string // the calls that counted, such as "pwrite64 home/store/memories.db"
	done chan struct{}
}

// The kernel's struct seccomp_notif and struct seccomp_notif_resp.
type (
	notification struct {
		id           uint64
		tid, flags   uint32
		number, arch uint32
		pointer      uint64
		arguments    syscalls.Args
	}
	response struct {
		id    uint64
		value int64
		error int32
		flags uint32
	}
)

// follow attends to the process pid until it ends, and then closes listener.
func (w *watch) follow(listener, pid int) {
	w.pid = pid
	defer close(w.done)
	defer unix.Close(listener)
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			return // the last process is gone
		}
		var n notification
		err := control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) {
			continue // killed in between
		}
		if err != nil {
			panic(err) // the process would hang
		}
		w.answer(listener, n)
	}
}

func (w *watch) answer(listener int, n notification) {
	r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if w.counts(n) && len(w.seen)-1 == w.at {
		if w.how.errno == 0 {
			unix.Kill(w.pid, unix.SIGKILL)
			return
		}
		r.flags, r.error = 0, -int32(w.how.errno)
	}
	// ENOENT: the process was killed while it waited.
	if err := control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)); err != nil && !errors.Is(err, unix.ENOENT) {
		panic(err)
	}
}

// counts notes the call if it counts.
func (w *watch) counts(n notification) bool {
	if !w.armed.Load() {
		return false
	}
	c, _ := syscalls.Of(int(n.number))
	path, inside := strings.CutPrefix(file(c, int(n.tid), n.arguments), w.scene.dir+"/")
	if !inside || !strings.HasPrefix(path, w.part) {
		return false
	}
	name := c.Name
	if unlocks(int(n.tid), int(n.number), n.arguments) {
		name = "unlock"
	}
	w.seen = append(w.seen, name+" "+path)
	return true
}

// reached says whether the call to treat came.
func (w *watch) reached() bool { return w.at >= 0 && w.at < len(w.seen) }

func control(listener int, request uintptr, argument unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), request, uintptr(argument))
	if errno != 0 {
		return os.NewSyscallError("ioctl", errno)
	}
	return nil
}
