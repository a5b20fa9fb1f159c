package trace

import (
	"errors"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// ownClock says whether programs can be put on a case's own clock here.
const ownClock = false

func installTimekeeper(int) (uintptr, error) { return 0, errors.ErrUnsupported }
func endless(int, syscalls.Timing)           {}
func restored(int, *wait) int64              { return 0 }
func instead(int, int64)                     {}
func again(int, int)                         {}
