package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
)

// A run that is killed leaves its directory behind, and the next one removes it.
// That nobody uses a directory is told by the lock on a file in it: a process
// that is gone has no locks. Its maker says in a second file when it has the lock,
// so that a directory is never taken for one that nobody uses before.

// tempPrefix begins the names of directories for what is temporary.
const tempPrefix = "racefuzz-"

// inUse is the name of the file that is locked as long as a directory is used.
const inUse = "in-use"

// begun is the name of the file that is made when the lock is taken.
const begun = "begun"

// inTemp does something with a directory for what is temporary.
func inTemp(do func(dir string) (int, error)) (code int, err error) {
	removeAbandoned(os.TempDir())
	dir, err := os.MkdirTemp("", tempPrefix)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, program.Remove(dir)) }()
	lock := flock.New(filepath.Join(dir, inUse))
	defer lock.Close()
	if locked, err := lock.TryLock(); err != nil || !locked {
		return 0, fmt.Errorf("cannot lock %s: %w", lock.Path(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, begun), nil, 0o600); err != nil {
		return 0, err
	}
	return do(dir)
}

// removeAbandoned removes the directories in temp of runs that are gone. What
// cannot be told, or removed, stays.
func removeAbandoned(temp string) {
	dirs, _ := filepath.Glob(filepath.Join(temp, tempPrefix+"*"))
	for _, dir := range dirs {
		if !isFile(filepath.Join(dir, begun)) || !isFile(filepath.Join(dir, inUse)) {
			continue
		}
		lock := flock.New(filepath.Join(dir, inUse), flock.SetFlag(os.O_RDWR))
		if locked, err := lock.TryLock(); err == nil && locked {
			lock.Close() // a file that is open cannot be removed everywhere
			program.Remove(dir)
		}
	}
}

// isFile reports whether there is a file, and no link or device that somebody
// else may have put into a directory that all share.
func isFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}
