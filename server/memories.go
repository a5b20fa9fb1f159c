package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var errNoMemory = errors.New("no such memory")

// memory is one thing to remember.
type memory struct {
	ID      int64     `json:"id"`
	Text    string    `json:"text"`
	Tags    []string  `json:"tags"`
	Created time.Time `json:"created"`
}

// check refuses what is longer than a memory may be, and a time in UTC that
// cannot be written.
func (m memory) check() error {
	if _, err := m.Created.MarshalText(); err != nil {
		return fmt.Errorf(`"created": %w`, err)
	}
	if err := checkLength("text", m.Text, maxText); err != nil {
		return err
	}
	if len(m.Tags) > maxTags {
		return fmt.Errorf(`"tags" has %d items, and %d are the most`, len(m.Tags), maxTags)
	}
	for i, tag := range m.Tags {
		if err := checkLength("tags["+strconv.Itoa(i)+"]", tag, maxTag); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) add(ctx context.Context, text string, tags []string) (memory, error) {
	db, err := s.open(ctx, true)
	if err != nil {
		return memory{}, err
	}
	m := memory{Text: text, Tags: append([]string{}, tags...), Created: stored(time.Now())}
	m.ID, err = insert(ctx, db, m)
	return m, err
}

// stored is a time as the database has it.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// insert adds m, with a time as [stored] returns it, to the database and
// returns its id.
func insert(ctx context.Context, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, m memory) (int64, error) {
	tags, err := json.Marshal(append([]string{}, m.Tags...))
	if err != nil {
		return 0, err
	}
	result, err := db.ExecContext(ctx, "INSERT INTO memories(text, tags, created) VALUES (?, ?, ?)",
		m.Text, string(tags), m.Created.Format(time.RFC3339Nano))
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// each calls do with every memory, the oldest first, all as of one moment.
func (s *store) each(ctx context.Context, do func(memory) error) error {
	db, err := s.open(ctx, false)
	if errors.Is(err, errNoStore) {
		return nil
	}
	if err != nil {
		return err
	}
	return eachMemory(ctx, db, 0, do)
}

// eachMemory calls do with every memory whose id is above after.
func eachMemory(ctx context.Context, db querier, after int64, do func(memory) error) error {
	rows, err := db.QueryContext(ctx, "SELECT id, text, tags, created FROM memories WHERE id > ? ORDER BY id", after)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		m, err := scan(rows)
		if err == nil {
			err = do(m)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *store) get(ctx context.Context, id int64) (memory, error) {
	db, err := s.open(ctx, false)
	if errors.Is(err, errNoStore) {
		return memory{}, errNoMemory
	}
	if err != nil {
		return memory{}, err
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
func (s *store) list(ctx context.Context, tag string, before int64, limit int) ([]memory, error) {
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
	var memories []memory
	for rows.Next() {
		m, err := scan(rows)
		if err != nil {
			return nil, err
		}
		memories = append(memories, m)
	}
	return memories, rows.Err()
}

// idsWith returns up to limit ids that begin with prefix, the newest first.
func (s *store) idsWith(ctx context.Context, prefix string, limit int) ([]string, error) {
	db, err := s.open(ctx, false)
	if errors.Is(err, errNoStore) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT id FROM memories WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id DESC LIMIT ?2", prefix, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// found is a memory that a search found.
type found struct {
	ID      int64     `json:"id"`
	Snippet string    `json:"snippet"`
	Tags    []string  `json:"tags"`
	Created time.Time `json:"created"`
}

// search returns up to limit memories with any of the query's words, the best
// match first.
func (s *store) search(ctx context.Context, query, tag string, limit int) ([]found, error) {
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
	var results []found
	for rows.Next() {
		m, err := scan(rows)
		if err != nil {
			return nil, err
		}
		results = append(results, found{ID: m.ID, Snippet: shorten(m.Text), Tags: m.Tags, Created: m.Created})
	}
	return results, rows.Err()
}

// maxSnippet bounds a snippet, in bytes: it has 24 words at most, but a word may
// have any length.
const maxSnippet = 1000

// shorten cuts a snippet that is too long around the first match.
func shorten(s string) string {
	if len(s) <= maxSnippet {
		return s
	}
	from := min(max(0, strings.Index(s, "**")-maxSnippet/2), len(s)-maxSnippet)
	return strings.ToValidUTF8(s[from:from+maxSnippet], "") + "…"
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

// scan reads id, text, tags and created.
func scan(row interface{ Scan(...any) error }) (memory, error) {
	var m memory
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
