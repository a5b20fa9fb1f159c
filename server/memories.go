package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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

func (s *store) add(ctx context.Context, text string, tags []string) (memory, error) {
	db, err := s.open(ctx, true)
	if err != nil {
		return memory{}, err
	}
	m := memory{Text: text, Tags: append([]string{}, tags...), Created: time.Now().UTC().Truncate(time.Millisecond)}
	encoded, err := json.Marshal(m.Tags)
	if err != nil {
		return memory{}, err
	}
	result, err := db.ExecContext(ctx, "INSERT INTO memories(text, tags, created) VALUES (?, ?, ?)",
		m.Text, string(encoded), m.Created.Format(time.RFC3339Nano))
	if err != nil {
		return memory{}, err
	}
	m.ID, err = result.LastInsertId()
	return m, err
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
		results = append(results, found{ID: m.ID, Snippet: m.Text, Tags: m.Tags, Created: m.Created})
	}
	return results, rows.Err()
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
