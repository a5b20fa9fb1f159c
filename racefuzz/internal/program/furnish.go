// Package program is what the tiers share about a case before its first step:
// the files that its directory begins with, and the command that is run there.
package program

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Usual permission bits of what a case does not give any.
const (
	usualFile = 0o644
	usualDir  = 0o755
)

// Check returns an error for files that no case may have. Each lies inside the
// case's directory, in a directory that the case makes before it, so that
// nothing is made through a link. What is run without a command is code of ours
// that may follow links: there they lead nowhere else. A command could write
// anywhere anyway.
func Check(c race.Case) error {
	made := map[string]race.Kind{".": race.Dir}
	for _, f := range c.Files {
		if err := checkFile(f, made, len(c.Command) == 0); err != nil {
			return fmt.Errorf("file %q of the case: %w", f.Name, err)
		}
		made[f.Name] = f.Kind
	}
	return nil
}

func checkFile(f race.File, made map[string]race.Kind, confined bool) error {
	if _, err := filepath.Localize(f.Name); err != nil || f.Name == "." {
		return errors.New("not a name that a file inside the case's directory can have on this system")
	}
	if parent := path.Dir(f.Name); made[parent] != race.Dir {
		return fmt.Errorf("%q is no directory that the case has made before it", parent)
	}
	if f.Perm&^uint32(fs.ModePerm) != 0 {
		return fmt.Errorf("permission bits %04o: at most 0777", f.Perm)
	}
	if f.Kind != race.Link || !confined {
		return nil
	}
	if _, err := filepath.Localize(f.Content); err != nil {
		return fmt.Errorf("it leads to %q, and without a command a link leads to what is in its own directory", f.Content)
	}
	return nil
}

// Furnish makes the case's files in root, which has none of them, after
// [Check]. In their content {stranger} and {dead} become the ids of a live
// process that is no actor and of a dead one.
func Furnish(root *os.Root, c race.Case, stranger, dead int) error {
	if err := Check(c); err != nil {
		return err
	}
	pids := strings.NewReplacer("{stranger}", strconv.Itoa(stranger), "{dead}", strconv.Itoa(dead))
	for _, f := range c.Files {
		f.Content = pids.Replace(f.Content)
		if err := create(root, f); err != nil {
			return err
		}
	}
	for _, f := range c.Files { // when nothing has to be made in them any more
		if f.Kind == race.Dir && f.Perm != 0 {
			if err := root.Chmod(f.Name, fs.FileMode(f.Perm)); err != nil {
				return err
			}
		}
	}
	return nil
}

func create(root *os.Root, f race.File) error {
	perm := fs.FileMode(f.Perm)
	switch f.Kind {
	case race.Regular, race.Config:
		if perm == 0 {
			perm = usualFile
		}
		return write(root, f.Name, f.Content, perm)
	case race.Link:
		return root.Symlink(f.Content, f.Name)
	case race.Dir:
		if err := root.Mkdir(f.Name, 0o700); err != nil {
			return err
		}
		return root.Chmod(f.Name, usualDir) // whatever the umask is
	case race.FIFO:
		if perm == 0 {
			perm = usualFile
		}
		return makeFIFO(filepath.Join(root.Name(), filepath.FromSlash(f.Name)), perm)
	}
	return fmt.Errorf("%s: unknown kind %q", f.Name, f.Kind)
}

// write makes a new file with these permission bits whatever the umask is.
func write(root *os.Root, name, content string, perm fs.FileMode) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Chmod(perm), file.Close())
}

// Empty removes all that is in root, and follows no link. Directories that a
// program has closed to everybody are opened for that.
func Empty(root *os.Root) error {
	names, err := namesIn(root, ".")
	for _, name := range names {
		err = errors.Join(err, remove(root, name))
	}
	return err
}

// Remove removes a directory in the same way.
func Remove(dir string) error {
	root, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(remove(root, filepath.Base(dir)), root.Close())
}

func remove(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if errors.Is(err, fs.ErrPermission) {
		open(root, name)
		err = root.RemoveAll(name)
	}
	return err
}

// open lets us into a directory and all that are below it. What cannot be opened
// will be told by who wants to go in.
func open(root *os.Root, name string) {
	if info, err := root.Lstat(name); err != nil || !info.IsDir() {
		return
	}
	root.Chmod(name, 0o700)
	names, _ := namesIn(root, name)
	for _, child := range names {
		open(root, filepath.Join(name, child))
	}
}

func namesIn(root *os.Root, name string) ([]string, error) {
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	return names, errors.Join(err, dir.Close())
}
