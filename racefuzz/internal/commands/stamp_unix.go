//go:build unix

package commands

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stamp tells whether an entry is what it was: whatever changes it changes one
// of these.
type stamp struct {
	inode    uint64
	size     int64
	mode     fs.FileMode
	modified time.Time
	changed  unix.Timespec
	unsure   bool // never the same as another
}

// touched is when the entry was last changed.
func (s stamp) touched() time.Time { return time.Unix(s.changed.Unix()) }

func stampOf(path string) (stamp, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return stamp{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return stamp{}, err
	}
	s := stamp{inode: st.Ino, size: st.Size, mode: info.Mode(), modified: info.ModTime(), changed: st.Ctim}
	if info.IsDir() { // what is in it is looked at by itself
		s.size = 0
	}
	return s, nil
}

func makeFIFO(path string, perm fs.FileMode) error { return unix.Mkfifo(path, uint32(perm)) }
