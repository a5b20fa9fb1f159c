//go:build linux || darwin

package lock

import (
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// file is a bare descriptor: an [os.File] would be closed by the garbage
// collector once nobody refers to it, and the lock lost with it.
type file struct {
	fd   int
	path string
	stat unix.Stat_t // as it was opened; its identity is valid until it is closed
}

func (OS) Open(path string, mode Mode) (File, error) {
	flags := unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY
	if mode == Create {
		flags |= unix.O_RDWR | unix.O_CREAT
	}
	f := &file{path: path}
	err := retry(func() (err error) {
		f.fd, err = unix.Open(path, flags, 0o600)
		return err
	})
	switch err {
	case unix.ELOOP:
		err = errLink
	case unix.ENXIO, unix.EOPNOTSUPP: // a socket, or a device that nobody serves
		err = errNotRegular
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := f.usable(mode); err != nil {
		unix.Close(f.fd)
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}

// usable says why a file must not be used. A file with no name at all is
// fine: it was removed a moment ago, which Same finds out.
func (f *file) usable(mode Mode) error {
	if err := unix.Fstat(f.fd, &f.stat); err != nil {
		return err
	}
	switch st := &f.stat; {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return errNotRegular
	case mode == Create && st.Nlink > 1:
		return errNames
	case mode == Create && int(st.Uid) != os.Geteuid():
		return errOwner
	}
	return nil
}

func (OS) Same(f File, path string) (bool, error) {
	var named unix.Stat_t
	switch err := retry(func() error { return unix.Lstat(path, &named) }); err {
	case nil:
		open := &f.(*file).stat
		return open.Dev == named.Dev && open.Ino == named.Ino, nil
	case unix.ENOENT:
		return false, nil
	default:
		return false, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
}

func (OS) Remove(path string) error {
	return pathError("unlink", path, retry(func() error { return unix.Unlink(path) }))
}

func (OS) PID() int { return os.Getpid() }

func (OS) Pause(n int) bool { return pause(n) }

func (f *file) TryLock(exclusive bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err := retry(func() error { return unix.Flock(f.fd, how|unix.LOCK_NB) })
	if err == unix.EWOULDBLOCK {
		return ErrRefused
	}
	return pathError("flock", f.path, err)
}

func (f *file) Unlock() error {
	return pathError("flock", f.path, retry(func() error { return unix.Flock(f.fd, unix.LOCK_UN) }))
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = retry(func() error {
		n, err = unix.Pread(f.fd, p, off)
		return err
	})
	if err == nil && n < len(p) {
		return n, io.EOF
	}
	return max(n, 0), pathError("read", f.path, err)
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = retry(func() error {
		n, err = unix.Pwrite(f.fd, p, off)
		return err
	})
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return max(n, 0), pathError("write", f.path, err)
}

func (f *file) Truncate(size int64) error {
	return pathError("truncate", f.path, retry(func() error { return unix.Ftruncate(f.fd, size) }))
}

func (f *file) Close() error {
	return pathError("close", f.path, unix.Close(f.fd))
}

// retry repeats a call that a signal interrupted before it did anything.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
