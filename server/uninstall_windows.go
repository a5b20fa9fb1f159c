package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// moveAside moves the database into a new directory aside. The directory it is
// in cannot be renamed with the barrier open, and without the barrier a server
// could come. Without the database, the files beside it mean nothing to the
// next server; the barrier's is removed last, and stays where a server already
// shares it.
func (r *removal) moveAside(s *seized, aside string) error {
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(r.store, databaseFile), filepath.Join(aside, databaseFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		os.Remove(aside)
		return err
	}
	for _, name := range storeFiles() {
		os.Remove(filepath.Join(r.store, name)) // not the barrier, which is open
	}
	s.barrier.Release()
	os.Remove(filepath.Join(r.store, barrierFile))
	r.removeDir(r.store) // which fails where a server makes a new store
	return nil
}

// patiently waits with what cannot be done to a directory while another reads
// or removes it.
func patiently(do func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), seizeWait)
	defer cancel()
	for {
		err := do()
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || !pause(ctx, poll) {
			return err
		}
	}
}
