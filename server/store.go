package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
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

var errNoStore = fmt.Errorf("there is no store yet: %w", errNoMemory)

// store is the memories on disk, opened when they are first asked for. What
// [store.add] has returned survives the end of the process and, as far as the
// disk keeps its word, of the power.
type store struct {
	home, dir string
	log       *log.Logger

	mu      sync.Mutex
	db      *database // nil while closed
	barrier *lock.Barrier
	files   [len(watched)]fs.FileInfo // while db is open

	lost error // what became of a store that was open, or nil
	kept []any // what must stay open
}

// watched are the files of an open store that must stay where they are.
var watched = [...]string{databaseFile, barrierFile}

func newStore(p place) *store {
	return &store{home: p.home, dir: p.store, log: log.New(io.Discard, "", 0)}
}

// open opens the store unless it is open, to read at least, and to change it if
// asked to. Where there is none it creates one, or, if not asked to, returns an
// error matching [errNoStore].
func (s *store) open(ctx context.Context, create, change bool) (*database, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	if s.db != nil && s.db.unwritable == nil {
		return s.db, nil
	}
	// What could only be read may have been mended, or moved on, since.
	if err := s.shut(); err != nil {
		return nil, err
	}
	barrier, err := s.share(ctx, create)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, s.dir, create)
	if err == nil && db.unwritable != nil && change {
		// When opening the file failed once, for whatever reason, SQLite has it
		// open for reading, and this connection will never write.
		db.Close()
		db, err = openDatabase(ctx, s.dir, create)
	}
	if err == nil && db.unwritable != nil && change {
		err = errors.Join(db.unwritable, db.Close())
	}
	if err != nil {
		return nil, errors.Join(err, barrier.Release())
	}
	if db.unwritable == nil {
		if err := improve(ctx, db.DB); err != nil {
			s.log.Printf("searching stays slow until the next start: %v", err)
		}
	}
	db.adding, _ = db.PrepareContext(ctx, insertUnlessKnown)
	s.db, s.barrier = db, barrier
	for i, name := range watched {
		s.files[i], _ = os.Lstat(filepath.Join(s.dir, name))
	}
	return db, nil
}

// QueryContext asks the store, where there is one.
func (s *store) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	db, err := s.open(ctx, false, false)
	if err != nil {
		return nil, err
	}
	return db.QueryContext(ctx, query, args...)
}

// ExecContext changes the store, which it creates where there is none.
func (s *store) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	db, err := s.open(ctx, true, true)
	if err != nil {
		return nil, err
	}
	if query == insertUnlessKnown && db.adding != nil {
		return db.adding.ExecContext(ctx, args...)
	}
	return db.ExecContext(ctx, query, args...)
}

// write calls do in a transaction, in which no one else can write. Where there
// is no store it creates one, or, if not asked to, returns [errNoStore].
func (s *store) write(ctx context.Context, create bool, do func(*sql.Tx) error) error {
	db, err := s.open(ctx, create, true)
	if err != nil {
		return err
	}
	return transact(ctx, db.DB, do)
}

func transact(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // unless it is committed
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// check makes sure that what is open is still where it was, and returns what
// became of it if it has ever turned out not to be.
func (s *store) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	return s.lost
}

// watch is check, unless the store is just being opened: that may take a while.
func (s *store) watch() {
	if s.mu.TryLock() {
		s.look()
		s.mu.Unlock()
	}
}

// look gives up an open store that has been moved or removed, so that the next
// call opens what is in its place. The old one is not closed: SQLite would
// remove files by their names, and those may be another store's by now.
func (s *store) look() {
	switch {
	case s.db == nil:
		return
	case s.gone(0):
		s.lost = fmt.Errorf("the store in %s was moved or removed while it was open, and the memories with it; new ones are kept in a new store", quote(s.dir))
		s.kept = append(s.kept, s.db, s.barrier)
		s.db, s.barrier = nil, nil
	case s.gone(1):
		path := filepath.Join(s.dir, barrierFile)
		b, err := lock.Share(once(), path)
		if err != nil {
			return // an uninstall has it, and the store is next
		}
		s.lost = fmt.Errorf("%s was removed while it was in use; made again", quote(path))
		s.barrier.Release() // of a file without a name
		s.barrier = b
		s.files[1], _ = os.Lstat(path)
	default:
		return
	}
	s.log.Print(s.lost)
}

// gone reports whether a watched file is not where it was. What cannot be
// looked at is taken to be there.
func (s *store) gone(i int) bool {
	now, err := os.Lstat(filepath.Join(s.dir, watched[i]))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !os.SameFile(s.files[i], now)
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
	// Each directory is looked at before anything is made in it.
	for _, dir := range []string{s.home, s.dir} {
		if create {
			if err := makeDir(dir); err != nil {
				return nil, &problem{what: "cannot create the store", err: err, hint: otherHome}
			}
		}
		if _, err := own(homeKind, s.home); err != nil {
			return nil, err
		}
	}
	if err := s.exists(); err != nil && !(create && errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	return lock.Share(ctx, filepath.Join(s.dir, barrierFile))
}

// exists returns an error matching [fs.ErrNotExist] where there is no store,
// and refuses places where there must be none.
func (s *store) exists() error {
	if _, err := own(homeKind, s.home); err != nil {
		return err
	}
	if err := private(storeKind, s.dir); err != nil {
		return err
	}
	_, err := os.Lstat(filepath.Join(s.dir, databaseFile))
	return err
}

// close closes the store and lets go of the barrier.
func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shut()
}

func (s *store) shut() error {
	if s.db == nil {
		return nil
	}
	err := errors.Join(s.db.Close(), s.barrier.Release())
	s.db, s.barrier = nil, nil
	return err
}

// status describes the store. It opens one that exists, and creates none.
func (s *store) status(ctx context.Context) (storeStatus, error) {
	result := storeStatus{Path: s.dir}
	switch err := s.exists(); {
	case errors.Is(err, fs.ErrNotExist):
		return result, nil
	case err != nil:
		return result, err
	}
	result.Exists = true
	db, err := s.open(ctx, false, false)
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
