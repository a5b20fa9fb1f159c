package commands

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// stamp tells whether an entry is what it was. Two writes within one tick of
// the clock that leave the size as it was are not told apart.
type stamp struct {
	size     int64
	mode     fs.FileMode
	modified time.Time
	unsure   bool // never the same as another
}

// touched is when the entry was last changed.
func (s stamp) touched() time.Time { return s.modified }

func stampOf(path string) (stamp, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return stamp{}, err
	}
	s := stamp{size: info.Size(), mode: info.Mode(), modified: info.ModTime()}
	if info.IsDir() { // what is in it is looked at by itself
		s.size = 0
	}
	return s, nil
}

func makeFIFO(string, fs.FileMode) error { return errors.ErrUnsupported }
