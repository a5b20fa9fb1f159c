//go:build amd64 || arm64

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// call says where a system call's arguments name its file: by a descriptor,
// by a path, or by a path relative to a descriptor. Absent ones are -1.
type call struct {
	name             string
	descriptor, path int
}

// shared are the calls that all architectures have.
var shared = map[int]call{
	unix.SYS_OPENAT:          {"openat", 0, 1},
	unix.SYS_OPENAT2:         {"openat2", 0, 1},
	unix.SYS_CLOSE:           {"close", 0, -1},
	unix.SYS_READ:            {"read", 0, -1},
	unix.SYS_PREAD64:         {"pread64", 0, -1},
	unix.SYS_WRITE:           {"write", 0, -1},
	unix.SYS_WRITEV:          {"writev", 0, -1},
	unix.SYS_PWRITE64:        {"pwrite64", 0, -1},
	unix.SYS_LSEEK:           {"lseek", 0, -1},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", 0, -1},
	unix.SYS_SENDFILE:        {"sendfile", 1, -1},
	unix.SYS_FSYNC:           {"fsync", 0, -1},
	unix.SYS_FDATASYNC:       {"fdatasync", 0, -1},
	unix.SYS_FTRUNCATE:       {"ftruncate", 0, -1},
	unix.SYS_FALLOCATE:       {"fallocate", 0, -1},
	unix.SYS_FCNTL:           {"fcntl", 0, -1},
	unix.SYS_FLOCK:           {"flock", 0, -1},
	unix.SYS_MMAP:            {"mmap", 4, -1},
	unix.SYS_FSTAT:           {"fstat", 0, -1},
	unix.SYS_STATX:           {"statx", 0, 1},
	unix.SYS_GETDENTS64:      {"getdents64", 0, -1},
	unix.SYS_FACCESSAT:       {"faccessat", 0, 1},
	unix.SYS_FACCESSAT2:      {"faccessat2", 0, 1},
	unix.SYS_READLINKAT:      {"readlinkat", 0, 1},
	unix.SYS_MKDIRAT:         {"mkdirat", 0, 1},
	unix.SYS_UNLINKAT:        {"unlinkat", 0, 1},
	unix.SYS_RENAMEAT:        {"renameat", 0, 1},
	unix.SYS_RENAMEAT2:       {"renameat2", 0, 1},
	unix.SYS_LINKAT:          {"linkat", 0, 1},
	unix.SYS_FCHMOD:          {"fchmod", 0, -1},
	unix.SYS_FCHMODAT:        {"fchmodat", 0, 1},
	unix.SYS_FCHOWN:          {"fchown", 0, -1},
	unix.SYS_FCHOWNAT:        {"fchownat", 0, 1},
	unix.SYS_UTIMENSAT:       {"utimensat", 0, 1},
}

var calls = func() map[int]call {
	all := maps.Clone(shared)
	maps.Copy(all, ofArchitecture)
	return all
}()

func numbers() iter.Seq[int] { return maps.Keys(calls) }

// file is the path that a call in thread tid is about, or "" for none.
func (c call) file(tid int, arguments [6]uint64) string {
	if c.path < 0 {
		return descriptorPath(tid, int32(arguments[c.descriptor]))
	}
	path := readString(tid, uintptr(arguments[c.path]))
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	base := "cwd"
	if c.descriptor >= 0 && int32(arguments[c.descriptor]) != unix.AT_FDCWD {
		base = filepath.Join("fd", strconv.Itoa(int(int32(arguments[c.descriptor]))))
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
