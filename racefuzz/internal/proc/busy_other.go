//go:build !linux

package proc

import "time"

// settles is how long a program that is not wanted may take to end.
const settles = 2 * time.Second

// busy cannot tell here.
func busy(pid int) bool { return false }

// zombie cannot tell either.
func zombie(pid int) bool { return false }
