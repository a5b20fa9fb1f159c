package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// maxPath is the longest path of a database that SQLite opens, in bytes: four
// times MAX_PATH less the longest ending that it adds.
const maxPath = 4*windows.MAX_PATH - 8

// expand is path as a shell would read it.
func expand(path string) string {
	if expanded, err := registry.ExpandString(path); err == nil {
		path = expanded
	}
	return os.ExpandEnv(path)
}

func systemRuntimeDirs() []string {
	local, err := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, 0)
	if err != nil {
		return []string{filepath.Join(os.TempDir(), "memlatch-0")}
	}
	return []string{filepath.Join(local, "Temp", "memlatch-0")}
}

// private refuses dir, which exists, unless it is a real directory. Who may
// use it is left to the permissions that it inherits from the user's profile.
func private(kind dirKind, dir string) error {
	_, err := own(kind, dir)
	return err
}

func own(kind dirKind, dir string) (fs.FileInfo, error) {
	if !filepath.IsAbs(dir) {
		return nil, notWhole("the "+kind.name, dir)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	name := kind.name + " " + quote(dir)
	// A junction is an irregular file to Go, a symbolic link is a link.
	switch {
	case info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0:
		return nil, &problem{what: name + " is a link or a junction", hint: kind.remedy(dir)}
	case !info.IsDir():
		return nil, &problem{what: name + " is not a directory", hint: kind.remedy(dir)}
	}
	return info, nil
}

// writable leaves that to who writes.
func writable(string) error { return nil }

// quote makes path one word of a command line; a path has no quotes in it.
func quote(path string) string { return `"` + path + `"` }

// mayRemove is left to the system.
func mayRemove(string) bool { return true }

// removeCommand is the command that removes what is at path, unless that is a
// directory with something in it.
func removeCommand(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "rmdir " + quote(path)
	}
	return "del " + quote(path)
}

// removeAllCommand is the command that removes the directory path.
func removeAllCommand(path string) string { return "rmdir /s " + quote(path) }

// syncDir does nothing: Windows keeps names in its journal.
func syncDir(string) {}
