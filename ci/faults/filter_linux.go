//go:build amd64 || arm64

package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

// underFilter is the first argument by which this program, started again,
// installs the filter and becomes the program that its other arguments name.
const underFilter = "under-filter"

// listenerSocket is the descriptor over which it hands the filter's listener
// to its parent.
const listenerSocket = 3

// becomeFiltered returns only with an error.
func becomeFiltered(argv []string) error {
	runtime.LockOSThread() // the filter is this thread's, and exec keeps that
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	filter := notifyOf(onFiles())
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// Until the listener has been sent nobody answers: a call of the runtime's,
	// such as the mmap for more memory, would wait for ever. So all is ready
	// before, nothing is collected, and the scheduler hears of neither call.
	debug.SetGCPercent(-1)
	rights, data := unix.UnixRights(0), []byte{0}
	vector := unix.Iovec{Base: &data[0]}
	vector.SetLen(len(data))
	header := unix.Msghdr{Iov: &vector, Iovlen: 1, Control: &rights[0]}
	header.SetControllen(len(rights))
	listener, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	*(*int32)(unsafe.Pointer(&rights[unix.CmsgLen(0)])) = int32(listener)
	_, _, errno = unix.RawSyscall(unix.SYS_SENDMSG, listenerSocket, uintptr(unsafe.Pointer(&header)), 0)
	unix.Close(int(listener)) // without one, what follows fails instead of waiting
	if errno != 0 {
		return os.NewSyscallError("sendmsg", errno)
	}
	unix.CloseOnExec(listenerSocket)
	return os.NewSyscallError("exec", unix.Exec(argv[0], argv, os.Environ()))
}

// notifyOf is a filter that reports the calls with these numbers and lets all
// others pass.
func notifyOf(numbers []int) []unix.SockFilter {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the number
	for i, n := range numbers {
		filter = append(filter, unix.SockFilter{
			Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(n), Jt: uint8(len(numbers) - i)})
	}
	return append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
}

// filtered changes cmd so that it runs under the filter. The function that it
// returns is to be called once cmd was started, and returns the listener.
func filtered(cmd *exec.Cmd) (listener func() (int, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "listener socket")
	cmd.Args = append([]string{self, underFilter, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	cmd.ExtraFiles = []*os.File{theirs}
	return func() (int, error) {
		theirs.Close()
		defer unix.Close(pair[0])
		return receiveDescriptor(pair[0])
	}, nil
}

func receiveDescriptor(socket int) (int, error) {
	data, control := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, data, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) == 0 {
		return 0, errors.New("no filter with a listener could be had")
	}
	descriptors, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	return descriptors[0], nil
}
