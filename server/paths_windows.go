package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

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
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	name := kind.name + " " + quote(dir)
	// A junction is an irregular file to Go, a symbolic link is a link.
	switch {
	case info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0:
		return nil, &problem{what: name + " is a link or a junction", hint: kind.remedy("rmdir " + quote(dir))}
	case !info.IsDir():
		return nil, &problem{what: name + " is not a directory", hint: kind.remedy("del " + quote(dir))}
	}
	return info, nil
}

// quote makes path one word of a command line; a path has no quotes in it.
func quote(path string) string { return `"` + path + `"` }

// removeCommand is the command that removes what is at path, unless that is a
// directory with something in it.
func removeCommand(path string) string {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return "rmdir " + quote(path)
	}
	return "del " + quote(path)
}

// removeAllCommand is the command that removes the directory path.
func removeAllCommand(path string) string { return "rmdir /s " + quote(path) }

// syncDir does nothing: Windows keeps names in its journal.
func syncDir(string) {}
