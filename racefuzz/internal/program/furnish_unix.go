//go:build unix

package program

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// makeFIFO neither replaces what is there nor follows a link at the end of the
// path; the directories before it are those that [Furnish] has made.
func makeFIFO(path string, perm fs.FileMode) error {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return &fs.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return unix.Chmod(path, uint32(perm.Perm()))
}
