package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
)

// place says where one store and its servers' pid file are.
type place struct {
	home    string // absolute
	store   string // the directory of the database, in home
	pidName string // the pid file's name, in whichever runtime directory
}

// find reads the environment. It looks at the file system but changes nothing.
func find() (place, error) {
	standard := filepath.Join(userHome(), ".memlatch")
	home := os.Getenv("MEMLATCH_HOME")
	switch {
	case home == "" && !filepath.IsAbs(standard):
		return place{}, &problem{what: "cannot tell where the memories are: this user has no home", hint: otherHome}
	case home == "":
		home = standard
	case !filepath.IsAbs(home) || expand(home) != home:
		return place{}, notWhole("MEMLATCH_HOME", home)
	}
	home = filepath.Clean(home)
	real := resolve(home)
	if n := len(filepath.Join(real, "store", databaseFile)); n > maxPath {
		return place{}, &problem{what: fmt.Sprintf("the path of the database in %s has %d bytes, and SQLite takes %d", quote(home), n, maxPath),
			hint: "set MEMLATCH_HOME to a shorter path"}
	}
	p := place{home: home, store: filepath.Join(home, "store"), pidName: "server.pid"}
	if real != resolve(standard) {
		sum := sha256.Sum256([]byte(real))
		p.pidName = "server-" + hex.EncodeToString(sum[:6]) + ".pid"
	}
	return p, nil
}

// userHome is the user's home by the environment, or else by what the system
// knows of the user: hosts strip the environment. It is empty where neither
// tells.
func userHome() string {
	home, err := os.UserHomeDir()
	if err == nil && filepath.IsAbs(home) {
		return home
	}
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}

// notWhole refuses a path that depends on a shell or on the current directory:
// a host would start each project's server in a place of its own.
func notWhole(what, path string) error {
	return &problem{what: what + " is " + quote(path) + ", and only a shell expands ~ and variables, takes quotes away and has a directory to start from",
		hint: "write the whole path in the host's configuration"}
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
	err := private(runtimeKind, dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = private(runtimeKind, dir)
		}
	}
	if err != nil && remedy(err) == "" {
		err = &problem{what: "cannot create the runtime directory", err: err, hint: elsewhere}
	}
	return dir, err
}

// private refuses dir, which exists, unless it is a real directory that
// belongs to this user and is open to nobody else.
func private(kind dirKind, dir string) error {
	info, err := own(kind, dir)
	if err == nil && openTo(info, 0o077) {
		err = &problem{what: fmt.Sprintf("%s %s is open to others (mode %04o)", kind, quote(dir), info.Mode().Perm()),
			hint: "chmod 700 " + quote(dir)}
	}
	return err
}

// openTo reports whether others have some of the rights. Windows has others.
func openTo(info fs.FileInfo, rights fs.FileMode) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&rights != 0
}

// own refuses dir, which exists, unless it is a real directory that belongs
// to this user.
func own(kind dirKind, dir string) (fs.FileInfo, error) {
	if !filepath.IsAbs(dir) {
		return nil, notWhole("the "+string(kind), dir)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	var what string
	hint := otherHome
	if kind == runtimeKind {
		hint = elsewhere
	}
	switch owner := ownerOf(info); {
	case info.Mode()&fs.ModeSymlink != 0:
		what = "is a symbolic link"
	case info.Mode()&fs.ModeIrregular != 0: // to Go
		what = "is a junction"
	case !info.IsDir():
		what = "is not a directory"
	case owner != os.Geteuid():
		return nil, &problem{what: fmt.Sprintf("%s %s belongs to user %d, not to you (%d)", kind, quote(dir), owner, os.Geteuid()), hint: hint}
	default:
		return info, nil
	}
	if kind == runtimeKind { // in a home or a store may be memories
		hint = orRemove(dir, hint)
	}
	return nil, &problem{what: fmt.Sprintf("%s %s %s", kind, quote(dir), what), hint: hint}
}

// dirKind is what a directory is to memlatch.
type dirKind string

const (
	runtimeKind dirKind = "runtime directory"
	homeKind    dirKind = "home"
	storeKind   dirKind = "store"
)

const (
	elsewhere = "set MEMLATCH_RUNTIME_DIR to a local directory that is yours alone"
	otherHome = "set MEMLATCH_HOME to a directory of your own"
)

// orRemove is the remedy elsewhere, after that of removing what is at path if
// this user may.
func orRemove(path, elsewhere string) string {
	if mayRemove(path) {
		return removeCommand(path) + ", or " + elsewhere
	}
	return elsewhere
}

// removeCommand is the command that removes what is at path, unless that is a
// directory with something in it.
func removeCommand(path string) string {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return "rmdir " + quote(path)
	}
	return removeFile + quote(path)
}

// runtimeDirs lists the directories in which a pid file may be, the one that
// a server started here uses first. It does not judge them, except that a
// base directory which is not safely this user's does not count.
func runtimeDirs() []string {
	if dir := os.Getenv("MEMLATCH_RUNTIME_DIR"); dir != "" {
		return []string{filepath.Clean(dir)}
	}
	return systemRuntimeDirs()
}

// makeDir creates dir for its owner alone, with the parents it needs, and has
// each of them on disk before what will be stored in it.
func makeDir(dir string) error {
	for _, dir := range slices.Backward(absent(dir)) {
		err := os.Mkdir(dir, 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) { // which is another server's, of a moment ago
			return err
		}
		syncDir(filepath.Dir(dir))
	}
	return nil
}

// absent lists those of dir and of the directories it is in that are not there,
// the innermost first.
func absent(dir string) (dirs []string) {
	for dir != filepath.Dir(dir) {
		if _, err := os.Lstat(dir); err == nil {
			break
		}
		dirs, dir = append(dirs, dir), filepath.Dir(dir)
	}
	return dirs
}
