package trace

import (
	"bytes"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Every function of this file must be called on the operating system thread
// that started the tracee: ptrace knows threads, not processes.

const ptraceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESECCOMP

// ptrace makes a request of the kernel. What addr and data stand for stays where
// it is until that is done, unlike what is on a goroutine's stack.
//
//go:uintptrescapes
func ptrace(request, tid int, addr, data uintptr) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), addr, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// stopInfo is struct ptrace_syscall_info. At an entry Nr and Args hold, at an
// exit Nr is the result.
type stopInfo struct {
	Op   uint8
	_    [3]uint8
	Arch uint32
	IP   uint64
	SP   uint64
	Nr   uint64
	Args [6]uint64
	_    uint64
}

func syscallInfo(tid int, info *stopInfo) error {
	return ptrace(unix.PTRACE_GET_SYSCALL_INFO, tid, unsafe.Sizeof(*info), uintptr(unsafe.Pointer(info)))
}

// spawn starts a program that stops before its first instruction with the
// filter installed. The descriptors become its 0, 1 and 2.
func spawn(argv, env []string, dir string, files []uintptr, about timing, as *syscall.Credential) (int, error) {
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Dir: dir, Env: env, Files: files,
		Sys: &syscall.SysProcAttr{Ptrace: true, Setsid: true, Credential: as},
	})
	if err == unix.EPERM || err == unix.ENOSYS {
		return 0, fmt.Errorf("%w: ptrace: %w", ErrForbidden, err)
	}
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		return 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	if !status.Stopped() {
		return 0, fmt.Errorf("start %s: ended before it could be traced", argv[0])
	}
	if err := prepare(pid, about); err != nil {
		unix.Kill(pid, unix.SIGKILL)
		unix.Wait4(pid, nil, unix.WALL, nil)
		return 0, fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	return pid, nil
}

// maxFiles is the usual limit of open files. Some daemons begin by closing
// every descriptor there may be, which is a call each, and some systems allow a
// million.
const maxFiles = 1024

// prepare sets the options and has the stopped program install the filter.
// A privileged program keeps the rights that no_new_privs would take.
func prepare(pid int, about timing) error {
	if err := ptrace(unix.PTRACE_SETOPTIONS, pid, 0, ptraceOptions); err != nil {
		return err
	}
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err == nil && limit.Cur > maxFiles {
		limit.Cur = maxFiles
		unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil)
	}
	in, err := newInjection(pid)
	if err != nil {
		return err
	}
	image := filterImage(in.scratch, about)
	if err := poke(pid, in.scratch, image); err != nil {
		return err
	}
	err = in.call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uint64(in.scratch))
	if err == unix.EACCES {
		if err = in.call(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err == nil {
			err = in.call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uint64(in.scratch))
		}
	}
	if err != nil {
		return fmt.Errorf("install the seccomp filter: %w", err)
	}
	return in.restore()
}

// trap waits for the end of a single step.
func trap(pid int) error {
	if err := unix.PtraceSingleStep(pid); err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		return err
	}
	if !status.Stopped() || status.StopSignal() != unix.SIGTRAP {
		return fmt.Errorf("unexpected stop %#x", uint32(status))
	}
	return nil
}

func peek(pid int, addr uintptr, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	local := []unix.Iovec{{Base: &p[0]}}
	local[0].SetLen(len(p))
	return unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: addr, Len: len(p)}}, 0)
}

func poke(pid int, addr uintptr, p []byte) error {
	local := []unix.Iovec{{Base: &p[0]}}
	local[0].SetLen(len(p))
	_, err := unix.ProcessVMWritev(pid, local, []unix.RemoteIovec{{Base: addr, Len: len(p)}}, 0)
	return err
}

// peekString reads up to a NUL, at most 4096 bytes, and never over the edge of
// a page that may be the last.
func peekString(pid int, addr uintptr) (string, error) {
	const page = 4096
	var out []byte
	buf := make([]byte, 256)
	for len(out) < page {
		n := min(len(buf), page-int(addr%page))
		n, err := peek(pid, addr, buf[:n])
		if err != nil || n == 0 {
			return "", err
		}
		if i := bytes.IndexByte(buf[:n], 0); i >= 0 {
			return string(append(out, buf[:i]...)), nil
		}
		out = append(out, buf[:n]...)
		addr += uintptr(n)
	}
	return string(out), nil
}
