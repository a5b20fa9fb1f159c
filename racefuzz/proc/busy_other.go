//go:build !linux

package proc

// busy cannot tell here.
func busy(pid int) bool { return false }

// zombie cannot tell either.
func zombie(pid int) bool { return false }
