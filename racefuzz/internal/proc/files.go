package proc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// dirPerm is the option of a case that says who may use the directory of the
// pid file, in octal.
const dirPerm = "dir-perm"

// usable reports whether a server can be expected to use the case's pid file.
// Where it cannot, it must say so and leave alone what it found.
func usable(c race.Case) bool {
	if c.Options[dirPerm] != "" {
		return false
	}
	for _, f := range c.Files {
		if f.Name == c.PIDFile() && (f.Kind != race.Regular || f.Perm != 0) {
			return false
		}
	}
	return true
}

// place puts the case's files into dir.
func place(c race.Case, dir string, stranger, dead int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := program.Furnish(root, c, stranger, dead); err != nil {
		return err
	}
	if c.Options[dirPerm] == "" {
		return nil
	}
	bits, err := strconv.ParseUint(c.Options[dirPerm], 8, 32)
	if err != nil || fs.FileMode(bits)&^fs.ModePerm != 0 {
		return fmt.Errorf("option %s: %q is no permission bits", dirPerm, c.Options[dirPerm])
	}
	return root.Chmod(".", fs.FileMode(bits))
}

// peek returns what a reader finds at path: the content of a file, or what
// else is there, or noFile.
func peek(path string) string {
	content, _ := inspect(path)
	return content
}

// inspect returns as well which file it is, if it is one that can be read.
func inspect(path string) (string, fs.FileInfo) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noFile, nil
	case err != nil:
		return "unreadable: " + err.Error(), nil
	case !info.Mode().IsRegular():
		return string(kindOf(info.Mode())), nil
	}
	f, err := openToRead(path)
	if errors.Is(err, fs.ErrNotExist) {
		return noFile, nil
	}
	if err != nil {
		return "unreadable: " + err.Error(), nil
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxPeek))
	if err != nil {
		return "unreadable: " + err.Error(), nil
	}
	info, _ = f.Stat()
	return string(content), info
}

// maxPeek is more than a pid file has, in bytes.
const maxPeek = 4096

// noFile stands for the content of a file that is not there.
const noFile = "-"

func kindOf(mode fs.FileMode) race.Kind {
	switch {
	case mode&fs.ModeSymlink != 0:
		return race.Link
	case mode.IsDir():
		return race.Dir
	case mode&fs.ModeNamedPipe != 0:
		return race.FIFO
	}
	return race.Regular
}

// left names what is in dir besides the files that the case put there other
// than the pid file.
func left(c race.Case, dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []string{err.Error()}
	}
	var names []string
	for _, e := range entries {
		mine := slices.ContainsFunc(c.Files, func(f race.File) bool { return f.Name == e.Name() })
		if !mine || e.Name() == c.PIDFile() {
			names = append(names, e.Name())
		}
	}
	return names
}

// clobbered names a file of the case's that is not a pid file to be used and
// is no longer what it was, or returns "".
func clobbered(c race.Case, dir string) string {
	for _, f := range c.Files {
		if f.Name == c.PIDFile() && f.Kind == race.Regular || f.Kind == race.Config {
			continue
		}
		path := filepath.Join(dir, f.Name)
		want := string(f.Kind)
		if f.Kind == race.Regular {
			want = f.Content
		}
		if got := peek(path); got != want {
			return fmt.Sprintf("%s became %q", f.Name, got)
		}
		if f.Kind != race.Link {
			continue
		}
		// What a link leads to is either a file of the case, or nothing.
		mine := slices.ContainsFunc(c.Files, func(g race.File) bool { return g.Name == f.Content })
		if got := peek(filepath.Join(dir, f.Content)); !mine && got != noFile {
			return fmt.Sprintf("%s was made through the link %s", f.Content, f.Name)
		}
	}
	return ""
}
