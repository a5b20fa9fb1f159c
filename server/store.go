package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/memlatch/memlatch/lock"
	"modernc.org/sqlite"
)

// The files in a store's directory; SQLite adds its own two or three.
const (
	databaseFile = "memories.db"
	barrierFile  = "store.lock" // shared by all that have the store open
	openingFile  = "open.lock"  // exclusive while one opens it
)

// databaseFiles are the names SQLite may use for one database.
var databaseFiles = []string{databaseFile, databaseFile + "-wal", databaseFile + "-shm", databaseFile + "-journal"}

var (
	errNoStore  = errors.New("there is no store yet")
	errNoMemory = errors.New("no such memory")
)

// Memory is one thing to remember.
type Memory struct {
	ID      int64     `json:"id"`
	Text    string    `json:"text"`
	Tags    []string  `json:"tags"`
	Created time.Time `json:"created"`
}

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

// openDatabase opens the database in dir. Processes that open a fresh
// database at once are refused by SQLite whatever the timeout, so they do it
// one after the other.
func openDatabase(ctx context.Context, dir string, create bool) (*sql.DB, error) {
	for _, name := range databaseFiles {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err == nil && !info.Mode().IsRegular() {
			return nil, &problem{what: quote(filepath.Join(dir, name)) + " is not a regular file",
				hint: remove(filepath.Join(dir, name))}
		}
	}
	turn, err := lock.Exclude(ctx, filepath.Join(dir, openingFile))
	if err != nil {
		return nil, err
	}
	defer turn.Release()
	// SQLite's usual locks are lost when anything in this process closes the
	// database file; where the system has better ones, use those.
	sqlite.OFDLocking(true)
	db, err := sql.Open("sqlite", dataSource(dir, create))
	if err != nil {
		return nil, err
	}
	// One connection: calls of one host come one after the other anyway, and
	// processes take turns at writing.
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// dataSource names the database with what every connection to it needs:
// synchronous=FULL, because what was acknowledged must survive the power.
func dataSource(dir string, create bool) string {
	path := filepath.ToSlash(filepath.Join(dir, databaseFile))
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	query := url.Values{
		"_pragma":    {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock":    {"immediate"},
		"_defensive": {"1"},
		"_error_rc":  {"1"},
		"modeof":     {filepath.Join(dir, openingFile)}, // 0600
		"mode":       {"rw"},
	}
	if create {
		query.Set("mode", "rwc")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

const schemaVersion = 1

const schema = `
CREATE TABLE memories (
	id      INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never used twice
	text    TEXT NOT NULL,
	tags    TEXT NOT NULL, -- a JSON array
	created TEXT NOT NULL  -- RFC 3339, UTC
);
CREATE VIRTUAL TABLE words USING fts5(
	text, tags, content='memories', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER memories_added AFTER INSERT ON memories BEGIN
	INSERT INTO words(rowid, text, tags) VALUES (new.id, new.text, new.tags);
END;
CREATE TRIGGER memories_deleted AFTER DELETE ON memories BEGIN
	INSERT INTO words(words, rowid, text, tags) VALUES ('delete', old.id, old.text, old.tags);
END;
PRAGMA user_version = 1;
`

func migrate(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == schemaVersion:
		return nil
	case version > schemaVersion:
		return fmt.Errorf("the store was written by a newer memlatch (version %d, this one knows %d)", version, schemaVersion)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	return tx.Commit()
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

func (s *store) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db != nil
}

func (s *store) add(ctx context.Context, text string, tags []string) (Memory, error) {
	db, err := s.open(ctx, true)
	if err != nil {
		return Memory{}, err
	}
	m := Memory{Text: text, Tags: append([]string{}, tags...), Created: time.Now().UTC().Truncate(time.Millisecond)}
	encoded, err := json.Marshal(m.Tags)
	if err != nil {
		return Memory{}, err
	}
	result, err := db.ExecContext(ctx, "INSERT INTO memories(text, tags, created) VALUES (?, ?, ?)",
		m.Text, string(encoded), m.Created.Format(time.RFC3339Nano))
	if err != nil {
		return Memory{}, err
	}
	m.ID, err = result.LastInsertId()
	return m, err
}

func (s *store) get(ctx context.Context, id int64) (Memory, error) {
	db, err := s.open(ctx, false)
	if errors.Is(err, errNoStore) {
		return Memory{}, errNoMemory
	}
	if err != nil {
		return Memory{}, err
	}
	m, err := scan(db.QueryRowContext(ctx, "SELECT id, text, tags, created FROM memories WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoMemory
	}
	return m, err
}

func (s *store) delete(ctx context.Context, id int64) error {
	db, err := s.open(ctx, false)
	if errors.Is(err, errNoStore) {
		return errNoMemory
	}
	if err != nil {
		return err
	}
	result, err := db.ExecContext(ctx, "DELETE FROM memories WHERE id = ?", id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); n > 0 || err != nil {
		return err
	}
	return errNoMemory
}

// list returns up to limit memories with an id below before, the newest
// first, all of them or those with the tag.
func (s *store) list(ctx context.Context, tag string, before int64, limit int) ([]Memory, error) {
	db, err := s.open(ctx, false)
	if errors.Is(err, errNoStore) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT id, text, tags, created FROM memories
		WHERE id < ?1 AND (?2 = '' OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?2))
		ORDER BY id DESC LIMIT ?3`, before, tag, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var memories []Memory
	for rows.Next() {
		m, err := scan(rows)
		if err != nil {
			return nil, err
		}
		memories = append(memories, m)
	}
	return memories, rows.Err()
}

// Found is a memory that a search found.
type Found struct {
	ID      int64     `json:"id"`
	Snippet string    `json:"snippet"`
	Tags    []string  `json:"tags"`
	Created time.Time `json:"created"`
}

// search returns up to limit memories with any of the query's words, the best
// match first.
func (s *store) search(ctx context.Context, query, tag string, limit int) ([]Found, error) {
	db, err := s.open(ctx, false)
	if errors.Is(err, errNoStore) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT m.id, snippet(words, 0, '**', '**', '…', 24), m.tags, m.created
		FROM words JOIN memories m ON m.id = words.rowid
		WHERE words MATCH ?1 AND (?2 = '' OR EXISTS (SELECT 1 FROM json_each(m.tags) WHERE value = ?2))
		ORDER BY rank, m.id DESC LIMIT ?3`, matchAny(query), tag, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Found
	for rows.Next() {
		m, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, Found{ID: m.ID, Snippet: m.Text, Tags: m.Tags, Created: m.Created})
	}
	return found, rows.Err()
}

// matchAny turns words and "quoted phrases" into an FTS5 expression in which
// nothing of the query is an operator.
func matchAny(query string) string {
	var terms []string
	for i, part := range strings.Split(query, `"`) {
		words := []string{part}
		if i%2 == 0 {
			words = strings.Fields(part)
		}
		for _, word := range words {
			if strings.TrimSpace(word) != "" {
				terms = append(terms, `"`+strings.ReplaceAll(word, "\x00", " ")+`"`)
			}
		}
	}
	return strings.Join(terms, " OR ")
}

// size returns how many memories there are and how much room they take.
func (s *store) size(ctx context.Context) (memories, bytes int64, err error) {
	db, err := s.open(ctx, false)
	if err != nil {
		return 0, 0, err
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM memories").Scan(&memories); err != nil {
		return 0, 0, err
	}
	for _, name := range databaseFiles {
		if info, err := os.Lstat(filepath.Join(s.dir, name)); err == nil {
			bytes += info.Size()
		}
	}
	return memories, bytes, nil
}

// scan reads id, text, tags and created.
func scan(row interface{ Scan(...any) error }) (Memory, error) {
	var m Memory
	var tags, created string
	if err := row.Scan(&m.ID, &m.Text, &tags, &created); err != nil {
		return m, err
	}
	err := json.Unmarshal([]byte(tags), &m.Tags)
	if err == nil {
		m.Created, err = time.Parse(time.RFC3339Nano, created)
	}
	return m, err
}

// status describes the store. It opens one that exists, and creates nothing.
func (s *store) status(ctx context.Context) (storeStatus, error) {
	result := storeStatus{Path: s.dir}
	memories, bytes, err := s.size(ctx)
	if errors.Is(err, errNoStore) {
		return result, nil
	}
	result.Exists = true
	result.Open = s.isOpen()
	result.Memories, result.Bytes = memories, bytes
	return result, err
}
