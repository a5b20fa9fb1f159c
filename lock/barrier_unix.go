//go:build unix

package lock

import "golang.org/x/sys/unix"

const barrierFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK
