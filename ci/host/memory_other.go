//go:build !linux

package host

import "errors"

func Memory(pid int) (resident, peak int64, err error) { return 0, 0, errors.ErrUnsupported }
