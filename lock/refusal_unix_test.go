//go:build linux || darwin

package lock

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

var ownObstacles = []obstacle{
	{"FIFO", func(path string) error { return unix.Mkfifo(path, 0o600) }, []string{"is not a regular file; remove it"}, false},
	{"socket", listen, []string{"is not a regular file; remove it"}, false},
	{"device", func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o600, nullDevice()) }, []string{"is not a regular file; remove it"}, false},
	{"another user's file", foreign, []string{"belongs to another user"}, true},
}

func listen(path string) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}

func nullDevice() int {
	var st unix.Stat_t
	if err := unix.Stat(os.DevNull, &st); err != nil {
		return 0
	}
	return int(st.Rdev)
}

func foreign(path string) error {
	if err := os.WriteFile(path, []byte(victim), 0o666); err != nil {
		return err
	}
	return os.Chown(path, os.Geteuid()+65534, -1)
}
