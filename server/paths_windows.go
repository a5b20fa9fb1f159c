package main

import (
	"context"
	"errors"
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

// ownerOf leaves who may use a directory to what it inherits from the user's
// profile.
func ownerOf(fs.FileInfo) int { return os.Geteuid() }

// writable leaves that to who writes.
func writable(string) error { return nil }

// quote makes path one word of a command line; a path has no quotes in it.
func quote(path string) string { return `"` + path + `"` }

// mayRemove is left to the system.
func mayRemove(string) bool { return true }

// Commands that a person can give. A program without a window cannot be asked
// from outside to end.
const (
	removeFile = "del "
	removeAll  = "rmdir /s "
	namesUsers = "handle.exe "
	endProcess = "taskkill /f /pid "
)

// syncDir does nothing: Windows keeps names in its journal.
func syncDir(string) {}

// awaitRename waits until whoever has made the database at path has let go of
// it. Windows opens a file that is being renamed to nobody who does not share
// its deletion; SQLite then opens it again for reading alone, and stays with
// that.
func awaitRename(ctx context.Context, path string) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || !pause(ctx, poll) {
			return
		}
	}
}
