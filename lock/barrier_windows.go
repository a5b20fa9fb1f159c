package lock

import (
	"errors"

	"golang.org/x/sys/windows"
)

// Windows has no flag that refuses links: one in the barrier's place is found
// by comparing the file with its name.
const barrierFlags = 0

// mayPass recognises the errors of a file that is being removed, which
// somebody who does not share its deletion cannot open.
func mayPass(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED) ||
		errors.Is(err, windows.ERROR_DELETE_PENDING)
}
