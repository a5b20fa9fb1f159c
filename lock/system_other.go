//go:build !linux && !darwin && !windows

package lock

import "errors"

func (OS) Open(path string, mode Mode) (File, error) {
	return nil, pathError("open", path, errors.ErrUnsupported)
}

func (OS) Same(f File, path string) (bool, error) {
	return false, pathError("lstat", path, errors.ErrUnsupported)
}

func (OS) Remove(path string) error {
	return pathError("unlink", path, errors.ErrUnsupported)
}

func (OS) PID() int { return 0 }

func (OS) Holds(f File, pid int) bool { return false }

func (OS) Pause(n int) bool { return false }
