//go:build amd64 || arm64

package syscalls

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Given returns the row with no more than the call does with those arguments.
// Of a call that opens, that is up to its flags; see [Call.Opening].
func (c Call) Given(args Args) Call {
	switch c.Name {
	case "open":
		return c.Opening(args[1])
	case "openat":
		return c.Opening(args[2])
	case "creat":
		return c.Opening(unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC)
	case "flock":
		if args[1]&unix.LOCK_UN != 0 {
			c.Fails = Unlocking
		}
		if args[1]&(unix.LOCK_NB|unix.LOCK_UN) != 0 {
			c.Waits = Never
		}
	case "fcntl":
		switch args[1] {
		case unix.F_GETLK, unix.F_OFD_GETLK, unix.F_GETLEASE:
			c = c.doing(SeesLocks)
		}
		if args[1] != unix.F_SETLKW && args[1] != unix.F_OFD_SETLKW {
			c.Waits = Never
		}
	case "ioctl":
		switch args[1] {
		case unix.TIOCINQ, fioqsize:
			c = c.doing(SeesContent)
		case unix.FS_IOC_GETFLAGS:
			c = c.doing(SeesMode)
		case unix.FS_IOC_SETFLAGS:
			c = c.doing(SetsMode)
		}
	case "close_range":
		if args[2]&unix.CLOSE_RANGE_CLOEXEC != 0 {
			c = c.doing(0)
		}
	default:
		if sig, ok := c.SignalArg(); ok && args[sig] == 0 {
			c = c.doing(SeesLife)
		}
	}
	return c
}

// Opening returns the row of a call that opens with those flags.
func (c Call) Opening(flags uint64) Call {
	use := SeesMode
	switch {
	case flags&unix.O_TMPFILE == unix.O_TMPFILE:
	case flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL:
		use |= Makes
	case flags&unix.O_CREAT != 0:
		use |= Creates
	}
	if flags&unix.O_TRUNC != 0 {
		use |= Writes
	}
	c = c.doing(use)
	if flags&unix.O_NOFOLLOW != 0 || use&Makes != 0 {
		c.Operands[0].Follows = false
	}
	if flags&unix.O_PATH != 0 || flags&unix.O_NONBLOCK != 0 {
		c.Waits = Never
	}
	return c
}

// doing returns the row of a call that does that with its first operand.
func (c Call) doing(use Use) Call {
	c.Operands = slices.Clone(c.Operands)
	c.Operands[0].Does = use
	return c
}

// SignalArg is the argument with the signal that the call sends.
func (c Call) SignalArg() (arg int, ok bool) {
	for _, w := range c.Words {
		if w.As == Signal {
			return w.Arg, true
		}
	}
	return 0, false
}
