package sim

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
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

// deadProcess returns the id of a process that was and is no more.
func deadProcess(t *testing.T) int {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// possible reports whether this system and user can have f as it is meant.
func possible(t *testing.T, f race.File) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	err := realise(path, f)
	if err == nil {
		_, err = os.Lstat(path) // Wine makes links that are none
	}
	if err == nil && f.Perm != 0 {
		err = restricted(path, f)
	}
	if err != nil {
		t.Logf("without %s: %v", f.Name, err)
	}
	return err == nil
}

// restricted takes the rights away that f does not have, and reports an error
// if that makes no difference.
func restricted(path string, f race.File) error {
	if err := os.Chmod(path, fs.FileMode(f.Perm)); err != nil {
		return err
	}
	defer os.Chmod(path, 0o700)
	forbidden := os.O_WRONLY
	switch {
	case f.Kind == race.Dir:
		path, forbidden = filepath.Join(path, "new"), os.O_WRONLY|os.O_CREATE
	case f.Perm&0o400 == 0:
		forbidden = os.O_RDONLY
	}
	if file, err := os.OpenFile(path, forbidden, 0o600); err == nil {
		file.Close()
		return errors.New("permissions do not keep this user out")
	}
	return nil
}

// realise puts f at path.
func realise(path string, f race.File) error {
	switch f.Kind {
	case race.Link:
		return os.Symlink(f.Content, path)
	case race.Dir:
		return os.Mkdir(path, 0o700)
	case race.FIFO:
		return makeFIFO(path)
	}
	return os.WriteFile(path, []byte(f.Content), 0o600)
}

// rulesOfThisSystem finds out what becomes of a name that is removed while its
// file is open.
func rulesOfThisSystem(t *testing.T) Rules {
	t.Helper()
	if runtime.GOOS != "windows" {
		return POSIX
	}
	path := filepath.Join(t.TempDir(), "probe")
	f, err := lock.OS{}.Open(path, lock.Create)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := (lock.OS{}).Remove(path); err != nil {
		t.Fatal(err)
	}
	again, err := os.Open(path)
	switch {
	case err == nil:
		again.Close()
		return Wine
	case errors.Is(err, fs.ErrNotExist):
		return Windows
	}
	return WindowsLegacy
}
