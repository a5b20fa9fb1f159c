// Package content compares what directories hold by structure instead of by
// bytes: the keys of a JSON, TOML, YAML or INI file, the rows of a database,
// the lines of a text. It answers whether a state that programs left when they
// ran at the same time is one that they leave when they run one after the
// other, and says in words what is different.
//
// What differs between two runs of the same order is noise: it is learned
// ([Learn]) and left out of every comparison.
package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// State is what a directory holds, by slashed names relative to it.
type State map[string]File

// File is one entry of a directory.
type File struct {
	Type fs.FileMode // type bits: 0 for a regular file
	Perm fs.FileMode
	// Data is what a regular file holds or where a link leads. Of a file above
	// mostRead bytes it is empty and Sum is its digest.
	Data []byte
	Sum  string
	// Rows is the content of a database, "" for other files: see [dump].
	Rows string
}

// mostRead is the size in bytes up to which a file is kept and parsed.
const mostRead = 4 << 20

// Read returns the state of the directory root. Names for which skip returns
// true are left out, directories with all that is in them. An entry that
// vanishes meanwhile is not there. Any other failure is an error.
func Read(root string, skip func(name string) bool) (State, error) {
	state := State{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case p == root:
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if skip != nil && skip(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return state.add(name, p)
	})
	if err != nil {
		return nil, err
	}
	state.foldDatabases(func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) })
	return state, nil
}

// ReadNames returns the entries of these names, with the databases that some of
// them belong to. At says where an entry is.
func ReadNames(at func(name string) string, names []string) (State, error) {
	state := State{}
	for _, name := range names {
		for _, ending := range besides {
			if database, found := strings.CutSuffix(name, ending); found {
				name = database
			}
		}
		if err := state.add(name, at(name)); err != nil {
			return nil, err
		}
	}
	state.foldDatabases(at)
	return state, nil
}

// add reads one entry, unless it is not there.
func (s State) add(name, path string) error {
	f, err := readFile(path)
	if err == nil {
		s[name] = f
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func readFile(name string) (File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return File{}, err
	}
	f := File{Type: info.Mode().Type(), Perm: info.Mode().Perm()}
	switch {
	case f.Type == fs.ModeSymlink:
		target, err := os.Readlink(name)
		f.Data = []byte(target)
		return f, err
	case f.Type != 0:
		return f, nil
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		f.Sum = "not readable"
		return f, nil
	}
	if err != nil {
		return f, err
	}
	defer file.Close()
	if info.Size() <= mostRead {
		f.Data, err = io.ReadAll(file)
		return f, err
	}
	h := sha256.New()
	size, err := io.Copy(h, file)
	f.Sum = fmt.Sprintf("%d bytes, sha256 %s", size, hex.EncodeToString(h.Sum(nil)[:8]))
	return f, err
}

// CheckGlob reports an error for a glob that [Matches] cannot use.
func CheckGlob(glob string) error {
	if !doublestar.ValidatePattern(glob) {
		return fmt.Errorf("%q is no glob: want names with *, ?, [a-z], {a,b} or **", glob)
	}
	return nil
}

// Matches reports whether one of the globs matches the name, a directory that
// it lies in, or, for globs without a slash, one element of the name.
func Matches(globs []string, name string) bool {
	for _, glob := range globs {
		for dir := name; dir != "." && dir != "/"; dir = path.Dir(dir) {
			target := dir
			if !strings.Contains(glob, "/") {
				target = path.Base(dir)
			}
			if ok, _ := doublestar.Match(strings.Trim(glob, "/"), strings.Trim(target, "/")); ok {
				return true
			}
		}
	}
	return false
}
