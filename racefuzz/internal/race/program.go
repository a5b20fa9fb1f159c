package race

import (
	"errors"
	"fmt"
)

// ErrUntouched says that a program has no file in the case's directory and does
// not look for one, so that its starts have nothing to race for.
var ErrUntouched = errors.New("it touches nothing in the directory that it is given")

// EndsError is the error of a program that is no server: it ends, alone as it
// is, without having been asked to stop.
type EndsError struct {
	Program string
	Ending  string // such as "exit 0"
	Said    string // what it wrote
	Daemon  bool   // it has left a process in the background
}

func (e *EndsError) Error() string {
	text := fmt.Sprintf("%s does not stay, alone as it is: %s", e.Program, e.Ending)
	if e.Daemon {
		text = e.Program + " goes into the background"
	}
	if e.Said != "" {
		text += fmt.Sprintf(", and it says %q", e.Said)
	}
	return text
}

// UnreadyError is the error of a program that, alone as it is, waits and is never
// ready in the way in which it was said to be.
type UnreadyError struct {
	Program string
	Ready   string // as in "exit"
}

func (e *UnreadyError) Error() string {
	return fmt.Sprintf("%s waits, and is not ready as -ready %s has it", e.Program, e.Ready)
}

// ExcessError is the error of a program that takes more of the machine than a
// case may.
type ExcessError struct {
	What string // it does
}

func (e *ExcessError) Error() string { return "it " + e.What + ", and was ended" }

// UnclearError is the error of a program of which it cannot be told whether it
// serves: it lets time pass, and does nothing else.
type UnclearError struct {
	Program string
	Actor   string
}

func (e *UnclearError) Error() string {
	return fmt.Sprintf("%s: %s only lets time pass: whether it serves cannot be told", e.Program, e.Actor)
}
