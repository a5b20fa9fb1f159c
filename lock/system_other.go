//go:build !linux && !darwin && !windows

package lock

import "errors"

type system struct{}

func (system) Open(path string, mode Mode) (File, error) {
	return nil, pathError("open", path, errors.ErrUnsupported)
}

func (system) Same(f File, path string) (bool, error) {
	return false, pathError("lstat", path, errors.ErrUnsupported)
}

func (system) Remove(path string) error {
	return pathError("unlink", path, errors.ErrUnsupported)
}

func (system) PID() int { return 0 }

func (system) Holds(f File, pid int) bool { return false }

func (system) Pause(n int) bool { return false }
