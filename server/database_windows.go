package main

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

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
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || !pause(ctx) {
			return
		}
	}
}
