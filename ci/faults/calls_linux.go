//go:build amd64 || arm64

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// onFiles are the numbers of the calls that are about files.
func onFiles() (numbers []int) {
	for n, c := range syscalls.All() {
		if _, ok := fileOf(c); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// fileOf is the operand of a call that says which file it is about.
func fileOf(c syscalls.Call) (syscalls.Operand, bool) {
	for _, o := range c.Operands {
		if o.Kind == syscalls.Path || o.Kind == syscalls.FD {
			return o, true
		}
	}
	return syscalls.Operand{}, false
}

// file is the path that a call in thread tid is about, or "" for none.
func file(c syscalls.Call, tid int, arguments syscalls.Args) string {
	o, ok := fileOf(c)
	switch {
	case !ok:
		return ""
	case o.Kind == syscalls.FD:
		return descriptorPath(tid, int32(arguments[o.Arg]))
	}
	path := readString(tid, uintptr(arguments[o.Arg]))
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	base := "cwd"
	if o.Dir != syscalls.None && int32(arguments[o.Dir]) != unix.AT_FDCWD {
		base = filepath.Join("fd", strconv.Itoa(int(int32(arguments[o.Dir]))))
	}
	return filepath.Join(readLink(fmt.Sprintf("/proc/%d/%s", tid, base)), path)
}

func descriptorPath(tid int, descriptor int32) string {
	if descriptor < 0 {
		return ""
	}
	return readLink(fmt.Sprintf("/proc/%d/fd/%d", tid, descriptor))
}

// readLink is "" for what is gone: the caller was killed in between.
func readLink(path string) string {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(path, buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// unlocks reports whether a call of flock or fcntl gives a lock back.
func unlocks(tid, number int, arguments [6]uint64) bool {
	switch number {
	case unix.SYS_FLOCK:
		return arguments[1]&unix.LOCK_UN != 0
	case unix.SYS_FCNTL:
		switch arguments[1] {
		case unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_SETLK, unix.F_OFD_SETLKW:
			var kind [2]byte // the first field of struct flock
			return readMemory(tid, uintptr(arguments[2]), kind[:]) == nil &&
				int16(binary.NativeEndian.Uint16(kind[:])) == unix.F_UNLCK
		}
	}
	return false
}

func readMemory(tid int, address uintptr, into []byte) error {
	_, err := unix.ProcessVMReadv(tid, []unix.Iovec{{Base: &into[0], Len: uint64(len(into))}},
		[]unix.RemoteIovec{{Base: address, Len: len(into)}}, 0)
	return err
}

// readString reads page by page: what follows the string may not be mapped.
func readString(tid int, address uintptr) string {
	var s []byte
	page := uintptr(unix.Getpagesize())
	for len(s) < unix.PathMax {
		part := make([]byte, page-address%page)
		if readMemory(tid, address, part) != nil {
			return ""
		}
		if end := bytes.IndexByte(part, 0); end >= 0 {
			return string(append(s, part[:end]...))
		}
		s = append(s, part...)
		address += uintptr(len(part))
	}
	return ""
}
