package sim

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/memlatch/memlatch/lock"
)

// disk is the real system in one directory.
type disk struct {
	lock.OS
	dir string
}

func (d disk) Open(path string, mode lock.Mode) (lock.File, error) {
	return d.OS.Open(filepath.Join(d.dir, path), mode)
}

func (d disk) Same(f lock.File, path string) (bool, error) {
	return d.OS.Same(f, filepath.Join(d.dir, path))
}

func (d disk) Remove(path string) error { return d.OS.Remove(filepath.Join(d.dir, path)) }

func (d disk) OpenFile(path string, flag int) (lock.File, error) {
	f, err := os.OpenFile(filepath.Join(d.dir, path), flag, 0o600)
	if err != nil {
		return nil, err
	}
	return plainFile{f}, nil
}

func (d disk) Rename(oldpath, newpath string) error {
	return os.Rename(filepath.Join(d.dir, oldpath), filepath.Join(d.dir, newpath))
}

func (d disk) Link(oldpath, newpath string) error {
	return os.Link(filepath.Join(d.dir, oldpath), filepath.Join(d.dir, newpath))
}

func (d disk) content(name string) (string, bool) {
	text, err := os.ReadFile(filepath.Join(d.dir, name))
	return string(text), err == nil
}

func (d disk) names() (names []string) {
	filepath.WalkDir(d.dir, func(path string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(d.dir, path); rel != "." && err == nil {
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	slices.Sort(names)
	return names
}

// plainFile is a file as any program opens it.
type plainFile struct{ *os.File }
