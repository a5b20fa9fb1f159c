package main

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/memlatch/memlatch/lock"
)

// barrierFile is shared by all that have the store open.
const barrierFile = "store.lock"

// storeFiles are the names of all files that may be in a store's directory.
func storeFiles() []string {
	return slices.Concat([]string{barrierFile, makingFile}, databaseFiles(databaseFile), databaseFiles(newFile))
}

var errNoStore = errors.New("there is no store yet")

// store is the memories on disk, opened when they are first asked for. What
// [store.add] has returned survives the end of the process and, as far as the
// disk keeps its word, of the power.
type store struct {
	home, dir string

	mu      sync.Mutex
	db      *sql.DB // nil while closed
	barrier *lock.Barrier
}

func newStore(p place) *store { return &store{home: p.home, dir: p.store} }

// open opens the store unless it is open. Where there is none it creates one,
// or, if not asked to, returns an error matching [errNoStore].
func (s *store) open(ctx context.Context, create bool) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return s.db, nil
	}
	barrier, err := s.share(ctx, create)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, s.dir, create)
	if err != nil {
		return nil, errors.Join(err, barrier.Release())
	}
	s.db, s.barrier = db, barrier
	return db, nil
}

// barrierWait is how long to wait for an uninstall that may turn out to refuse.
const barrierWait = 2 * time.Second

// share makes sure that the store's directory is there and this user's, and
// takes the barrier in it.
func (s *store) share(ctx context.Context, create bool) (*lock.Barrier, error) {
	ctx, cancel := context.WithTimeout(ctx, barrierWait)
	defer cancel()
	for n := 0; ; n++ {
		b, err := s.tryShare(ctx, create)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !create:
			return nil, errNoStore
		case errors.Is(err, fs.ErrNotExist) && n < 10:
			// An uninstall has just moved the directory away.
		case errors.Is(err, lock.ErrHeld):
			return nil, &problem{what: "the memories are being removed by 'memlatch uninstall'", hint: "try again"}
		default:
			return b, err
		}
	}
}

func (s *store) tryShare(ctx context.Context, create bool) (*lock.Barrier, error) {
	if !create {
		if _, err := os.Lstat(filepath.Join(s.dir, databaseFile)); err != nil {
			return nil, err
		}
	}
	// Each directory is looked at before anything is made in it.
	if err := s.ensure(s.home, create); err != nil {
		return nil, err
	}
	if _, err := own("home", s.home); err != nil {
		return nil, err
	}
	if err := s.ensure(s.dir, create); err != nil {
		return nil, err
	}
	if err := private("store", s.dir); err != nil {
		return nil, err
	}
	return lock.Share(ctx, filepath.Join(s.dir, barrierFile))
}

func (s *store) ensure(dir string, create bool) error {
	if !create {
		return nil
	}
	if err := makeDir(dir); err != nil {
		return &problem{what: "cannot create the store", err: err,
			hint: "set MEMLATCH_HOME to a directory of your own"}
	}
	return nil
}

// close closes the store and lets go of the barrier.
func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := errors.Join(s.db.Close(), s.barrier.Release())
	s.db, s.barrier = nil, nil
	return err
}

// status describes the store. It opens one that exists, and creates nothing.
func (s *store) status(ctx context.Context) (storeStatus, error) {
	result := storeStatus{Path: s.dir}
	if _, err := os.Lstat(filepath.Join(s.dir, databaseFile)); err != nil {
		return result, nil
	}
	result.Exists = true
	db, err := s.open(ctx, false)
	if err != nil {
		return result, err
	}
	result.Open = true
	for _, name := range databaseFiles(databaseFile) {
		if info, err := os.Lstat(filepath.Join(s.dir, name)); err == nil {
			result.Bytes += info.Size()
		}
	}
	return result, db.QueryRowContext(ctx, "SELECT count(*) FROM memories").Scan(&result.Memories)
}
