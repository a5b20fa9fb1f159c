package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/memlatch/memlatch/lock"
)

func (s StandIn) uninstall(p places, force bool) int {
	var err error
	switch h := s.Habits; {
	case h.ProbesThenDeletes:
		err = s.probeThenDelete(p)
	case h.RemovesInParts:
		err = s.alone(p, force, func() error { return removeInParts(p) })
	case h.DeletesPIDFile:
		err = s.probeAround(p)
	default:
		err = s.alone(p, force, func() error { return removeWhole(p) })
	}
	if err != nil {
		return standInFail(err)
	}
	fmt.Println("removed", p.store)
	return 0
}

// alone removes the store while neither a server nor a user of the store can
// be there.
func (s StandIn) alone(p places, force bool, remove func() error) error {
	h, err := s.Acquire(p.pidFile)
	if err == nil {
		defer h.Release()
	} else if !errors.Is(err, lock.ErrHeld) || !force {
		return err
	}
	return excluded(p, remove)
}

func excluded(p places, remove func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	b, err := lock.Exclude(ctx, filepath.Join(p.store, standInLock))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case runtime.GOOS == "windows":
		// No directory with an open file in it can be renamed. Who opens the
		// store now prevents it too.
		b.Release()
	default:
		defer b.Release()
	}
	return remove()
}

// removeWhole moves the store aside with one rename, makes sure of that, and
// deletes what it and its interrupted predecessors have moved.
func removeWhole(p places) error {
	err := os.Rename(p.store, filepath.Join(p.home, standInAside+fmt.Sprint(os.Getpid())))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	syncDir(p.home)
	aside, _ := filepath.Glob(filepath.Join(p.home, standInAside+"*"))
	for _, dir := range aside {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	os.Remove(p.home) // unless there is something else in it
	return nil
}

// syncDir makes a rename in dir last, where directories can be synced.
func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
}

func (s StandIn) unheld(p places) error {
	status, err := s.Probe(p.pidFile)
	if err == nil && status.State == lock.Held {
		err = &lock.HeldError{Path: p.pidFile, PID: status.PID}
	}
	return err
}

// probeThenDelete asks whether a server runs and acts on the answer.
func (s StandIn) probeThenDelete(p places) error {
	if err := s.unheld(p); err != nil {
		return err
	}
	return removeWhole(p)
}

// probeAround asks whether a server runs, and in the end removes the pid file
// that was stale when it asked.
func (s StandIn) probeAround(p places) error {
	if err := s.unheld(p); err != nil {
		return err
	}
	err := excluded(p, func() error { return removeWhole(p) })
	if removed := os.Remove(p.pidFile); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// removeInParts moves file by file, as across file systems, by copying.
func removeInParts(p places) error {
	if _, err := os.Stat(filepath.Join(p.store, standInData)); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing to remove
	}
	trash, err := os.MkdirTemp(filepath.Dir(p.home), "trash-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(trash)
	for _, name := range []string{standInData, standInIndex, standInLock} {
		if err := moveByCopying(filepath.Join(p.store, name), filepath.Join(trash, name)); err != nil {
			return err
		}
	}
	return errors.Join(os.Remove(p.store), os.Remove(p.home))
}

func moveByCopying(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close(), os.Remove(from))
}
