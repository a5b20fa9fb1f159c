//go:build unix

package proc

import (
	"os"
	"syscall"
)

// openToRead opens the file at path and neither follows a link nor waits for
// the other end of a FIFO.
func openToRead(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
}
