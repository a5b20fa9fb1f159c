package lock

// Proves that a barrier lets in many or one, waits for as long as it may, ends
// with its process, and guards the name and not a file that lost it.

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

type take func(context.Context, string) (*Barrier, error)

// over is a context that allows a single try.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func TestBarrierAdmitsManyOrOne(t *testing.T) {
	tests := []struct {
		name          string
		first, second take
		both          bool
	}{
		{"share then share", Share, Share, true},
		{"share then exclude", Share, Exclude, false},
		{"exclude then share", Exclude, Share, false},
		{"exclude then exclude", Exclude, Exclude, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.lock")
			first := mustTake(t, tt.first, path)
			second, err := tt.second(over, path)
			switch {
			case tt.both && err != nil:
				t.Fatalf("second: %v", err)
			case tt.both:
				defer second.Release()
			case !errors.Is(err, ErrHeld):
				t.Fatalf("second: %v, want ErrHeld", err)
			}
			if err := first.Release(); err != nil {
				t.Fatal(err)
			}
			if err := first.Release(); err != nil {
				t.Errorf("second Release: %v", err)
			}
			if !tt.both {
				mustTake(t, tt.second, path)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("the barrier's file: %v", err)
			}
		})
	}
}

func TestBarrierWaitsUntilItIsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	mustWait(t, path, mustTake(t, Exclude, path).Release)
}

// mustWait has Share wait until letGo is called.
func mustWait(t *testing.T, path string, letGo func() error) {
	t.Helper()
	taken := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		b, err := Share(ctx, path)
		if err == nil {
			err = b.Release()
		}
		taken <- err
	}()
	select {
	case err := <-taken:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(5 * barrierPoll):
	}
	if err := letGo(); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Error(err)
	}
}

func TestBarrierGivesUpWhenTheContextEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	mustTake(t, Share, path)
	ctx, cancel := context.WithTimeout(context.Background(), 3*barrierPoll)
	defer cancel()
	if _, err := Exclude(ctx, path); !errors.Is(err, ErrHeld) || ctx.Err() == nil {
		t.Errorf("Exclude: %v, and the context: %v", err, ctx.Err())
	}
}

// 1. A excludes others. 2. B waits. 3. The store is moved away and a new one
// takes its place. 4. A lets go. B must come to hold the new barrier, as
// whoever comes next will ask for that one.
func TestBarrierFollowsTheName(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "store")
	path := filepath.Join(dir, "store.lock")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a := mustTake(t, Exclude, path) // 1
	taken := make(chan *Barrier)
	go func() { // 2
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		b, err := Share(ctx, path)
		for os.IsNotExist(err) { // between the two moves of 3
			b, err = Share(ctx, path)
		}
		if err != nil {
			t.Error(err)
		}
		taken <- b
	}()
	err := os.Rename(dir, filepath.Join(home, "moved")) // 3
	if err != nil {
		a.Release()
		(<-taken).Release()
		t.Skipf("a store in use cannot be moved here: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	if err := a.Release(); err != nil { // 4
		t.Fatal(err)
	}
	b := <-taken
	defer b.Release()
	if _, err := Exclude(over, path); !errors.Is(err, ErrHeld) {
		t.Errorf("Exclude beside B: %v, want ErrHeld", err)
	}
}

// The store can also go between a barrier's open and its lock, which are one
// call: what the lock was taken on is compared with the name afterwards.
func TestBarrierKnowsAFileThatLostItsName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.lock")
	f := flock.New(path)
	if ok, err := f.TryRLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer f.Unlock()
	want := func(want bool, when string) {
		t.Helper()
		if same, err := named(f, path); same != want || err != nil {
			t.Errorf("%s: named is %v, %v, want %v", when, same, err, want)
		}
	}
	want(true, "in its place")
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Skipf("a barrier in use cannot be moved here: %v", err)
	}
	want(false, "moved away")
	write(t, path, "")
	want(false, "another file in its place")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".moved", path); err != nil {
		t.Skipf("no links here: %v", err)
	}
	if same, err := named(f, path); same || err == nil {
		t.Errorf("a link to it in its place: named is %v, %v, want an error", same, err)
	}
}

// Whoever has the barrier alone may move its file away while another one is
// between its open and its lock, which are one call: that one has then locked a
// file that lost its name, as it has here, and must come to hold the file that
// has the name.
func TestBarrierIsHeldOnTheFileThatHasTheName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tries := 0
	b, err := hold(ctx, path, os.O_RDWR|os.O_CREATE, func(f *flock.Flock) (bool, error) {
		ok, err := f.TryRLock()
		if tries++; tries == 1 && os.Rename(path, path+".moved") != nil {
			f.Unlock()
			t.Skip("a barrier in use cannot be moved here")
		}
		return ok, err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if same, err := named(b.flock, path); !same || err != nil {
		t.Errorf("named is %v, %v", same, err)
	}
	mustTake(t, Exclude, path+".moved")
}

func TestBarrierEndsWithItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	sharer := start(t, "sharer", path)
	sharer.says("held")
	if _, err := Exclude(over, path); !errors.Is(err, ErrHeld) {
		t.Errorf("Exclude beside a live sharer: %v, want ErrHeld", err)
	}
	sharer.kill()
	mustTake(t, Exclude, path)
}

func TestBarrierRefusesWhatIsInTheWay(t *testing.T) {
	for _, o := range slices.Concat(obstacles, ownObstacles) {
		if o.probed || o.name == "name that is too long" {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "store.lock")
			if err := o.put(path); err != nil {
				t.Skipf("cannot be had here: %v", err)
			}
			before := inventory(t, dir)
			for _, take := range []take{Share, Exclude} {
				b, err := withinPatience(t, func() (*Barrier, error) { return take(over, path) })
				if err == nil {
					b.Release()
				}
				if err == nil || errors.Is(err, ErrHeld) {
					t.Errorf("taken, or said to be held: %v", err)
				}
			}
			if after := inventory(t, dir); len(after) != len(before) {
				t.Errorf("before: %q, after: %q", before, after)
			}
		})
	}
}

// What does not pass is an error at once, however long it may wait.
func TestBarrierNeedsItsDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "store.lock")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := Share(ctx, path); !os.IsNotExist(err) || ctx.Err() != nil {
		t.Errorf("Share: %v, want an error that says what is missing, at once", err)
	}
}

// The place can be taken between the open and the lock, which are one call.
func TestBarrierSaysWhatHasTakenItsPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tries := 0
	_, err := hold(ctx, path, os.O_RDWR|os.O_CREATE, func(f *flock.Flock) (bool, error) {
		ok, err := f.TryRLock()
		if tries++; tries > 1 {
			return ok, err
		}
		if os.Rename(path, path+".moved") != nil {
			f.Unlock()
			t.Skip("a barrier in use cannot be moved here")
		}
		return ok, errors.Join(err, os.Mkdir(path, 0o700))
	})
	if !errors.Is(err, errNotRegular) || tries != 1 {
		t.Errorf("hold: %v after %d tries, want that this is no regular file, at once", err, tries)
	}
}

func TestBarrierThatCannotBeComparedIsAnError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "store.lock")
	b := mustTake(t, Share, path)
	if os.Rename(dir, dir+".moved") != nil {
		t.Skip("a store in use cannot be moved here")
	}
	if runtime.GOOS == "windows" {
		t.Skip("what would lie in a file does not exist there, and that is no error")
	}
	write(t, dir, "no directory")
	if same, err := named(b.flock, path); same || err == nil {
		t.Errorf("named is %v, %v, want an error", same, err)
	}
}

func mustTake(t *testing.T, take take, path string) *Barrier {
	t.Helper()
	b, err := take(over, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Release() })
	return b
}
