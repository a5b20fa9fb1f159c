//go:build unix

package stage

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

func mkfifo(path string, perm fs.FileMode) error { return unix.Mkfifo(path, uint32(perm.Perm())) }
