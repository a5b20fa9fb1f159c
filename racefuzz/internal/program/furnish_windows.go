package program

import (
	"errors"
	"io/fs"
)

func makeFIFO(path string, perm fs.FileMode) error { return errors.ErrUnsupported }
