//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPath is the longest path of a database that SQLite opens, in bytes: 512
// less the longest ending that it adds.
const maxPath = 512 - 8

// expand is path as a shell would read it.
func expand(path string) string { return os.ExpandEnv(path) }

func systemRuntimeDirs() []string {
	uid := strconv.Itoa(os.Geteuid())
	var bases []string
	if base := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(base) {
		bases = append(bases, base)
	}
	// Hosts strip the environment, so the variable's usual value counts too.
	if runtime.GOOS == "linux" {
		bases = append(bases, "/run/user/"+uid)
	}
	var dirs []string
	for _, base := range bases {
		if private(runtimeKind, base) == nil {
			dirs = append(dirs, filepath.Join(base, "memlatch"))
		}
	}
	// TMPDIR differs between a host and a terminal; /tmp does not.
	return append(dirs, "/tmp/memlatch-"+uid)
}

// private refuses dir, which exists, unless it is a real directory that
// belongs to this user and is open to nobody else.
func private(kind dirKind, dir string) error {
	info, err := own(kind, dir)
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return &problem{what: fmt.Sprintf("%s %s is open to others (mode %04o)", kind.name, quote(dir), perm),
			hint: "chmod 700 " + quote(dir)}
	}
	return nil
}

// own refuses dir, which exists, unless it is a real directory that belongs
// to this user.
func own(kind dirKind, dir string) (fs.FileInfo, error) {
	if !filepath.IsAbs(dir) {
		return nil, notWhole("the "+kind.name, dir)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	name := kind.name + " " + quote(dir)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &problem{what: name + " is a symbolic link", hint: kind.remedy(dir)}
	case !info.IsDir():
		return nil, &problem{what: name + " is not a directory", hint: kind.remedy(dir)}
	}
	if owner := ownerOf(info); owner != os.Geteuid() {
		return nil, &problem{what: fmt.Sprintf("%s belongs to user %d, not to you (%d)", name, owner, os.Geteuid()), hint: kind.elsewhere}
	}
	return info, nil
}

func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// mayRemove reports whether this user may remove path, as far as rights tell:
// in a sticky directory only what is his own.
func mayRemove(path string) bool {
	info, err := os.Lstat(path)
	parent, parentErr := os.Stat(filepath.Dir(path))
	if err != nil || parentErr != nil || writable(filepath.Dir(path)) != nil {
		return false
	}
	self := os.Geteuid()
	return self == 0 || parent.Mode()&fs.ModeSticky == 0 || ownerOf(info) == self || ownerOf(parent) == self
}

// writable returns an error where path may not be written.
func writable(path string) error { return unix.Access(path, unix.W_OK) }

// quote makes path one word of a shell's command line.
func quote(path string) string {
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// removeCommand is the command that removes what is at path, unless that is a
// directory with something in it.
func removeCommand(path string) string {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return "rmdir " + quote(path)
	}
	return "rm " + quote(path)
}

// removeAllCommand is the command that removes the directory path.
func removeAllCommand(path string) string { return "rm -r " + quote(path) }

// syncDir brings the names in dir to the disk, as far as the file system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
