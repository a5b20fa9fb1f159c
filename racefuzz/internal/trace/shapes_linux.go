package trace

import "golang.org/x/sys/unix"

// shape says where a traced system call has its paths and descriptors: the
// index of the argument, -1 for none.
type shape struct {
	name string
	at   [2]int // directory a path is relative to; -1: the working directory
	path [2]int
	fd   int
}

func onPath(name string, i int) shape {
	return shape{name, [2]int{-1, -1}, [2]int{i, -1}, -1}
}

func onPaths(name string, i, j int) shape {
	return shape{name, [2]int{-1, -1}, [2]int{i, j}, -1}
}

func atPath(name string, dir, i int) shape {
	return shape{name, [2]int{dir, -1}, [2]int{i, -1}, -1}
}

func atPaths(name string, dir, i, dir2, j int) shape {
	return shape{name, [2]int{dir, dir2}, [2]int{i, j}, -1}
}

func onFD(name string, fd int) shape {
	return shape{name, [2]int{-1, -1}, [2]int{-1, -1}, fd}
}

// shapes are the calls a program is stopped at. Calls that neither change nor
// reveal what another process can see (lseek, dup, mmap) are not among them.
var shapes = func() map[int]shape {
	m := map[int]shape{
		unix.SYS_OPENAT:          atPath("openat", 0, 1),
		unix.SYS_OPENAT2:         atPath("openat2", 0, 1),
		unix.SYS_CLOSE:           onFD("close", 0),
		unix.SYS_FLOCK:           onFD("flock", 0),
		unix.SYS_FCNTL:           onFD("fcntl", 0),
		unix.SYS_FTRUNCATE:       onFD("ftruncate", 0),
		unix.SYS_TRUNCATE:        onPath("truncate", 0),
		unix.SYS_READ:            onFD("read", 0),
		unix.SYS_GETDENTS64:      onFD("getdents64", 0),
		unix.SYS_PREAD64:         onFD("pread64", 0),
		unix.SYS_WRITE:           onFD("write", 0),
		unix.SYS_PWRITE64:        onFD("pwrite64", 0),
		unix.SYS_WRITEV:          onFD("writev", 0),
		unix.SYS_PWRITEV:         onFD("pwritev", 0),
		unix.SYS_SENDFILE:        onFD("sendfile", 0),
		unix.SYS_COPY_FILE_RANGE: onFD("copy_file_range", 2),
		unix.SYS_RENAMEAT2:       atPaths("renameat2", 0, 1, 2, 3),
		unix.SYS_LINKAT:          atPaths("linkat", 0, 1, 2, 3),
		unix.SYS_SYMLINKAT:       atPath("symlinkat", 1, 2),
		unix.SYS_UNLINKAT:        atPath("unlinkat", 0, 1),
		unix.SYS_MKDIRAT:         atPath("mkdirat", 0, 1),
		unix.SYS_MKNODAT:         atPath("mknodat", 0, 1),
		unix.SYS_STATX:           atPath("statx", 0, 1),
		unix.SYS_FSTAT:           onFD("fstat", 0),
		unix.SYS_FACCESSAT:       atPath("faccessat", 0, 1),
		unix.SYS_FACCESSAT2:      atPath("faccessat2", 0, 1),
		unix.SYS_KILL:            onFD("kill", -1),
		unix.SYS_EXECVE:          onFD("execve", -1),
		unix.SYS_EXIT_GROUP:      onFD("exit_group", -1),
	}
	for nr, s := range archShapes {
		m[nr] = s
	}
	return m
}()
