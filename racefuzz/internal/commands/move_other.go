//go:build !linux

package commands

import "errors"

// move renames what is there to a name that must not be there.
func move(from, to string) error { return errors.ErrUnsupported }
