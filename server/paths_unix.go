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
)

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
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	name := kind.name + " " + quote(dir)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &problem{what: name + " is a symbolic link", hint: kind.remedy("rm " + quote(dir))}
	case !info.IsDir():
		return nil, &problem{what: name + " is not a directory", hint: kind.remedy("rm " + quote(dir))}
	}
	if owner := int(info.Sys().(*syscall.Stat_t).Uid); owner != os.Geteuid() {
		command := "sudo rm -r " + quote(dir)
		if kind.memories {
			command = fmt.Sprintf("sudo chown -R %d %s", os.Geteuid(), quote(dir))
		}
		return nil, &problem{what: fmt.Sprintf("%s belongs to user %d, not to you (%d)", name, owner, os.Geteuid()),
			hint: command + ", or " + kind.elsewhere}
	}
	return info, nil
}

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
