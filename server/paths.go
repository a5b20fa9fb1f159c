package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// place says where one store and its servers' pid file are.
type place struct {
	home    string // absolute
	store   string // the directory of the database, in home
	pidName string // the pid file's name, in whichever runtime directory
}

// find reads the environment. It looks at the file system but changes nothing.
func find() (place, error) {
	home, isDefault, err := homeDir()
	if err != nil {
		return place{}, err
	}
	p := place{home: home, store: filepath.Join(home, "store"), pidName: "server.pid"}
	if !isDefault {
		sum := sha256.Sum256([]byte(resolve(home)))
		p.pidName = "server-" + hex.EncodeToString(sum[:6]) + ".pid"
	}
	return p, nil
}

// homeDir returns MEMLATCH_HOME or else .memlatch in the user's home, and
// whether the two are the same.
func homeDir() (home string, isDefault bool, err error) {
	standard, userErr := os.UserHomeDir()
	if userErr == nil {
		standard = filepath.Join(standard, ".memlatch")
	}
	home = os.Getenv("MEMLATCH_HOME")
	if home == "" {
		if userErr != nil {
			return "", false, &problem{what: "cannot tell where the memories are", err: userErr,
				hint: otherHome}
		}
		return standard, true, nil
	}
	if strings.HasPrefix(home, "~") {
		return "", false, &problem{what: "MEMLATCH_HOME is " + quote(home) + ", and only a shell expands ~",
			hint: "write the whole path in the host's configuration"}
	}
	home, err = filepath.Abs(home)
	if err != nil {
		return "", false, err
	}
	return home, userErr == nil && resolve(home) == resolve(standard), nil
}

// resolve follows the links in as much of path as exists, so that two
// spellings of one directory come out the same before it is created too.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}

// runtimeDir returns the runtime directory that a server started here uses,
// and creates it. The error is a [*problem] with the exact remedy.
func runtimeDir() (string, error) {
	dir := runtimeDirs()[0]
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", &problem{what: "cannot create the runtime directory", err: err, hint: elsewhere}
	}
	return dir, private(runtimeKind, dir)
}

// dirKind is what a directory is to memlatch, and so the remedy for one that
// cannot be used.
type dirKind struct {
	name      string
	elsewhere string // the remedy of last resort
	memories  bool   // are in it, or may be: nobody is told to remove it
}

var (
	runtimeKind = dirKind{name: "runtime directory", elsewhere: elsewhere}
	homeKind    = dirKind{name: "home", elsewhere: otherHome, memories: true}
	storeKind   = dirKind{name: "store", elsewhere: otherHome, memories: true}
)

const (
	elsewhere = "set MEMLATCH_RUNTIME_DIR to a local directory that is yours alone"
	otherHome = "set MEMLATCH_HOME to a directory of your own"
)

// remedy is removing by command, or else another place.
func (k dirKind) remedy(command string) string {
	if k.memories {
		return k.elsewhere
	}
	return command + ", or " + k.elsewhere
}

// runtimeDirs lists the directories in which a pid file may be, the one that
// a server started here uses first. It does not judge them, except that a
// base directory which is not safely this user's does not count.
func runtimeDirs() []string {
	if dir := os.Getenv("MEMLATCH_RUNTIME_DIR"); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		return []string{dir}
	}
	return systemRuntimeDirs()
}

// makeDir creates dir for its owner alone, with the parents it needs, and has
// each of them on disk before what will be stored in it.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if errors.Is(err, fs.ErrExist) { // perhaps another server's, of a moment ago
		return nil
	}
	if err == nil {
		syncDir(filepath.Dir(dir))
	}
	return err
}
