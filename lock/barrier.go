package lock

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// barrierPoll is the time between two tries for a barrier.
const barrierPoll = 10 * time.Millisecond

// Barrier is a held barrier. Keep it reachable for as long as it is needed:
// the lock of a Barrier that the garbage collector finds is given up.
type Barrier struct{ flock *flock.Flock }

// Share holds the barrier at path together with others, and creates its file
// where it is missing, in a directory that must exist. While somebody holds
// the barrier exclusively it waits until ctx ends, and then returns an error
// matching [ErrHeld]. A ctx that has already ended allows a single try.
func Share(ctx context.Context, path string) (*Barrier, error) {
	// Not for writing: who may only read the file can share it.
	return hold(ctx, path, os.O_RDONLY|os.O_CREATE, (*flock.Flock).TryRLock)
}

// Exclude holds the barrier at path alone, and is otherwise as [Share]. A
// barrier cannot be changed from shared to exclusive: release it first.
func Exclude(ctx context.Context, path string) (*Barrier, error) {
	return hold(ctx, path, os.O_RDWR|os.O_CREATE, (*flock.Flock).TryLock)
}

func hold(ctx context.Context, path string, flag int, try func(*flock.Flock) (bool, error)) (*Barrier, error) {
	for {
		f := flock.New(path, flock.SetFlag(flag|barrierFlags), flock.SetPermissions(0o600))
		locked, err := try(f)
		passing := err == nil || mayPass(err)
		if locked {
			if locked, err = named(f, path); locked {
				return &Barrier{f}, nil
			}
			f.Unlock()
			passing = err == nil
		}
		if !passing {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, cmp.Or(err, fmt.Errorf("%s: %w", path, ErrHeld))
		case <-time.After(barrierPoll):
		}
	}
}

// named reports whether path still names the file that f has locked: the
// store may have been moved away between the open and the lock.
func named(f *flock.Flock, path string) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	info, err := os.Lstat(path)
	switch {
	case os.IsNotExist(err):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, pathError("open", path, errNotRegular)
	}
	return os.SameFile(open, info), nil
}

// Release gives the barrier up and leaves its file where it is: others may
// hold it. Only the first call does anything.
func (b *Barrier) Release() error { return b.flock.Unlock() }
