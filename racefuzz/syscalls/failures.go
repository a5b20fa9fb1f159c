// Package syscalls is the table of Linux's system calls: for each what it is
// about, what it does with that, what it shows its caller, what it can fail
// with, and its operands in words. It is total over the numbers of the
// architecture: a call that is of no interest says why. The errors are those of
// every system, for what plays Linux elsewhere.
package syscalls

import "syscall"

// Family is what calls that fail alike have in common.
type Family uint16

// The families.
const (
	Opening Family = 1 << iota
	Looking
	Reading
	Writing
	Truncating
	Closing
	Making
	Renaming
	Removing
	Locking
	Unlocking
)

// Failures are the errors that calls fail with in life: a disk that is full or
// breaks, a server of files that has lost one, rights, limits, a signal.
var Failures = []struct {
	Name  string
	Errno syscall.Errno
	Of    Family
}{
	{"ENOSPC", syscall.ENOSPC, Opening | Writing | Making | Renaming},
	{"ENOTSUP", syscall.ENOTSUP, Locking | Unlocking},
	{"ENOLCK", syscall.ENOLCK, Locking | Unlocking},
	{"EIO", syscall.EIO, Opening | Locking | Looking | Reading | Writing | Truncating | Removing | Unlocking | Closing},
	{"EACCES", syscall.EACCES, Opening | Looking | Removing | Renaming},
	{"EMFILE", syscall.EMFILE, Opening},
	{"EROFS", syscall.EROFS, Opening | Removing | Renaming},
	{"EINTR", syscall.EINTR, Opening | Locking | Writing | Truncating | Closing},
	{"ESTALE", syscall.ESTALE, Opening | Looking | Reading | Writing | Truncating | Removing},
}
