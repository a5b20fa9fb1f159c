package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The files of a database in a store's directory. It is made under the name
// newFile by whoever holds makingFile, and complete from the moment it has its
// real name: processes that meet a fresh database half-way, or switch it to
// WAL mode at once, are refused by SQLite whatever the timeout.
const (
	databaseFile = "memories.db"
	newFile      = "new.db"
	makingFile   = "new.lock"
)

// databaseFiles are the names SQLite may use for the database called name.
func databaseFiles(name string) []string {
	return []string{name, name + "-wal", name + "-shm", name + "-journal"}
}

// database is an open one.
type database struct {
	*sql.DB
	unwritable error     // why it can only be read, or nil
	adding     *sql.Stmt // what adds a memory, prepared: that takes a fifth of the time; may be nil
}

// openDatabase opens the database in dir, whose barrier must be held. One that
// can only be read comes with the reason.
func openDatabase(ctx context.Context, dir string, create bool) (*database, error) {
	for _, name := range databaseFiles(databaseFile) {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
			return nil, &problem{what: quote(path) + " is not a regular file", hint: removeCommand(path)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	if create {
		if err := makeDatabase(ctx, dir); err != nil {
			return nil, err
		}
	}
	awaitRename(ctx, filepath.Join(dir, databaseFile))
	db, err := settled(ctx, dir, nil)
	var unwritable error
	options := url.Values{"mode": {"ro"}}
	switch wal, walErr := os.Stat(filepath.Join(dir, databaseFile+"-wal")); {
	case err == nil:
		return db, nil
	case isDamage(err): // the rest of it can be read without a look at its schema
		options["_defensive"], options["_pragma"] = []string{"0"}, []string{"writable_schema(ON)"}
		unwritable = &problem{what: "the store is damaged", err: err, hint: rescue(dir)}
	case writable(dir) != nil && (walErr != nil || wal.Size() == 0): // nobody else writes
		options.Set("immutable", "1")
		unwritable = readable(dir)
	default:
		return nil, err
	}
	if db, err = settled(ctx, dir, options); err != nil {
		return nil, unwritable
	}
	db.unwritable = unwritable
	return db, nil
}

// readable refuses to write to a store that can be read.
func readable(dir string) error {
	return &problem{what: "the store in " + quote(dir) + " can only be read", hint: "make it and its files writable to you, or " + otherHome}
}

// settled opens the database in dir and makes sure that this program can use
// it.
func settled(ctx context.Context, dir string, options url.Values) (*database, error) {
	db, err := connect(dir, databaseFile, options)
	if err != nil {
		return nil, err
	}
	unwritable, err := settle(ctx, db, dir)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &database{DB: db, unwritable: unwritable}, nil
}

// connect names the database with what every connection to it needs:
// synchronous=FULL, because what was acknowledged must survive the power.
func connect(dir, name string, options url.Values) (*sql.DB, error) {
	path := filepath.ToSlash(filepath.Join(dir, name))
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	query := url.Values{
		"_pragma":    {"busy_timeout(20000)", "synchronous(FULL)", "journal_size_limit(4194304)"},
		"_txlock":    {"immediate"},
		"_defensive": {"1"},
		"_error_rc":  {"1"},
		"mode":       {"rw"},
	}
	maps.Copy(query, options)
	// SQLite's usual locks are lost when anything in this process closes the
	// database file; where the system has better ones, use those.
	sqlite.OFDLocking(true)
	// To SQLite a + is a plus sign, and what follows two slashes is a host.
	escaped := strings.ReplaceAll(query.Encode(), "+", "%20")
	db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: path}).EscapedPath()+"?"+escaped)
	if err == nil {
		// Calls of one host come one after the other anyway, and processes
		// take turns at writing.
		db.SetMaxOpenConns(1)
	}
	return db, err
}

const (
	// openWait is how long to wait for others to get the database ready.
	openWait = 10 * time.Second
	// poll is the time between two looks at how far they are.
	poll = 10 * time.Millisecond
)

// makeDatabase makes sure that there is a database in dir.
func makeDatabase(ctx context.Context, dir string) error {
	path := filepath.Join(dir, databaseFile)
	exists := func() (bool, error) {
		_, err := os.Lstat(path)
		return err == nil, nil
	}
	return inTurn(ctx, dir, exists, func() error {
		// Somebody was killed here, or removed the database and left its -wal,
		// which SQLite would bring into the new one.
		for _, name := range slices.Concat(databaseFiles(newFile), databaseFiles(databaseFile)[1:]) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := fillDatabase(ctx, dir); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(dir, newFile), path); err != nil {
			return err
		}
		syncDir(dir)
		return nil
	})
}

// fillDatabase makes newFile a database without memories. The switch to WAL
// mode comes last: what is written after it is in another file, and SQLite
// does not report that closing failed to bring it into this one.
func fillDatabase(ctx context.Context, dir string) error {
	db, err := connect(dir, newFile, url.Values{"mode": {"rwc"}, "modeof": {filepath.Join(dir, makingFile)}}) // 0600
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "BEGIN;"+schema+improvements+"COMMIT;")
	if err == nil {
		err = enterWAL(ctx, db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if info, err := os.Lstat(filepath.Join(dir, newFile+"-wal")); err == nil && info.Size() > 0 {
		return errors.New("the new store could not be completed")
	}
	return nil
}

func enterWAL(ctx context.Context, db *sql.DB) (err error) {
	for again := true; again; again = isBusy(err) && pause(ctx, poll) {
		var mode string
		err = db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil && mode != "wal" {
			err = errors.New("the store's file system does not allow WAL mode")
		}
	}
	return err
}

// settle makes sure that the database is one that this program can use, and
// returns why it can only be read, if so.
func settle(ctx context.Context, db *sql.DB, dir string) (unwritable, err error) {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return nil, err
	}
	differs := fmt.Sprintf("the store has version %d, and this memlatch knows version %d", version, schemaVersion)
	if version > schemaVersion {
		return &problem{what: differs + " and can only read", hint: "install the newer memlatch that made it"}, nil
	}
	if version < schemaVersion {
		return nil, errors.New(differs)
	}
	// SQLite opens a file to read if it cannot do so to write, for any reason.
	if only, err := isReadOnly(ctx, db); only || err != nil {
		return readable(dir), err
	}
	// A backup that was put in place is not in WAL mode.
	var mode string
	return nil, inTurn(ctx, dir, func() (done bool, err error) {
		err = db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode)
		return mode == "wal", err
	}, func() error { return enterWAL(ctx, db) })
}

// improve brings a database of an earlier memlatch up to date, in one
// transaction. Programs that know nothing of it can go on: triggers keep right
// what they add, and what this program asks can be answered without, slower.
func improve(ctx context.Context, db *sql.DB) error {
	lacks := true
	look := func() error {
		return db.QueryRowContext(ctx, "SELECT count(*) = 0 FROM sqlite_master WHERE name = 'pieces'").Scan(&lacks)
	}
	if err := look(); !lacks || err != nil {
		return err
	}
	err := transact(ctx, db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, improvements)
		return err
	})
	if look(); !lacks { // perhaps somebody else was faster
		return nil
	}
	return err
}

func isReadOnly(ctx context.Context, db *sql.DB) (only bool, err error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	err = c.Raw(func(driver any) (err error) {
		only, err = driver.(interface{ IsReadOnly(string) (bool, error) }).IsReadOnly("main")
		return err
	})
	return only, err
}

// inTurn does work on the database in dir, as the only process that does so,
// unless it is done.
func inTurn(ctx context.Context, dir string, done func() (bool, error), work func() error) error {
	if ok, err := done(); ok || err != nil {
		return err
	}
	turn, err := lock.Exclude(ctx, filepath.Join(dir, makingFile))
	if errors.Is(err, lock.ErrHeld) {
		err = fmt.Errorf("another process does not finish preparing the store: %w", err)
	}
	if err != nil {
		return err
	}
	defer turn.Release()
	if ok, err := done(); ok || err != nil { // by somebody else, in the meantime
		return err
	}
	return work()
}

// once is a context that allows a single try.
func once() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// pause waits so long and reports whether ctx still goes on.
func pause(ctx context.Context, long time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(long):
		return true
	}
}

func isBusy(err error) bool { return hasCode(err, sqlite3.SQLITE_BUSY) }

// errDamaged is what SQLite finds wrong without an error.
var errDamaged = errors.New("damaged")

func isDamage(err error) bool {
	return errors.Is(err, errDamaged) || hasCode(err, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
}

// hasCode reports whether err is SQLite's, with one of the primary codes.
func hasCode(err error, codes ...int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && slices.Contains(codes, e.Code()&0xff)
}

// rescue is the remedy for a store in dir that is damaged.
func rescue(dir string) string {
	return "close every host, keep a copy of " + quote(dir) + ", save what can be read with 'memlatch export FILE', " +
		"then 'memlatch uninstall -y' and 'memlatch import FILE', or import a backup"
}
