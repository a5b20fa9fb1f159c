package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

var errNoMemory = errors.New("no such memory")

// maxTag bounds a tag, in characters; "length" below repeats it.
const maxTag = 64

// memory is one thing to remember.
type memory struct {
	ID      int64     `json:"id"`
	Text    string    `json:"text" length:"65536"`
	Tags    []string  `json:"tags" items:"16" length:"64"`
	Created time.Time `json:"created"`
}

// check refuses what is longer than a memory may be, and a time in UTC that
// cannot be written.
func (m memory) check() error {
	if _, err := m.Created.MarshalText(); err != nil {
		return fmt.Errorf(`"created": %w`, err)
	}
	return validate(&m)
}

// tidy returns tags without the white space around them and without those
// that differ from an earlier one in case alone.
func tidy(tags []string) []string {
	tidied := []string{}
	for _, tag := range tags {
		if tag = strings.TrimSpace(tag); !tagged(tidied, tag) {
			tidied = append(tidied, tag)
		}
	}
	return tidied
}

func tagged(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

// add adds m, unless one with the same text and tags is there already, and
// returns the one that is there then.
func add(ctx context.Context, db querier, m memory) (there memory, known bool, err error) {
	// Where db is no transaction, this statement is one of its own: beginning
	// one, looking and committing would each take a statement more.
	m.ID, m.Tags, m.Created = 0, tidy(m.Tags), stored(m.Created)
	for {
		if m.ID, err = insert(ctx, db, insertUnlessKnown, m); err != nil || m.ID != 0 {
			return m, false, err
		}
		there, err = one(ctx, db, "text = ? AND alike(tags, ?) ORDER BY id", m.Text, encodeTags(m.Tags))
		if !errors.Is(err, errNoMemory) { // else it has been deleted since
			return there, true, err
		}
	}
}

// stored is a time as the database has it.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// moment is a time as [made] begins.
func moment(t time.Time) string { return strings.TrimSuffix(stored(t).Format(time.RFC3339Nano), "Z") }

// cursor is where m is in a list, as [made] has it.
func (m memory) cursor() string { return moment(m.Created) + fmt.Sprintf(" %019d", m.ID) }

// What adds a memory: insertUnlessKnown does so unless one with the same text
// and tags is there already.
const (
	insertAnyway      = "INSERT INTO memories(id, text, tags, created) SELECT nullif(?1, 0), ?2, ?3, ?4"
	insertUnlessKnown = insertAnyway + " WHERE NOT EXISTS (SELECT 1 FROM memories WHERE text = ?2 AND alike(tags, ?3))"
)

// insert adds m with one of these, under an id of its own unless it has one, and
// returns that, or 0 if it is not added.
func insert(ctx context.Context, db querier, how string, m memory) (int64, error) {
	result, err := db.ExecContext(ctx, how, m.ID, m.Text, encodeTags(m.Tags), m.Created.Format(time.RFC3339Nano))
	if err != nil {
		return 0, err
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// encodeTags returns tags as the database has them.
func encodeTags(tags []string) string {
	encoded, _ := json.Marshal(tags)
	return string(encoded)
}

func decodeTags(stored string) (tags []string, err error) {
	err = json.Unmarshal([]byte(stored), &tags)
	return tags, err
}

// update gives the memory with this id another text, if there is one, and
// other tags, if they are not nil.
func (s *store) update(ctx context.Context, id int64, text *string, tags []string) (m memory, err error) {
	err = s.write(ctx, false, func(tx *sql.Tx) error {
		if m, err = one(ctx, tx, "id = ?", id); err != nil {
			return err
		}
		if text != nil {
			m.Text = *text
		}
		if tags != nil {
			m.Tags = tidy(tags)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM memories WHERE id = ?", id); err != nil {
			return err
		}
		_, err = insert(ctx, tx, insertAnyway, m)
		return err
	})
	return m, err
}

// delete deletes the memories that meet a condition, if they are as many as
// expected, and returns how many there are.
func (s *store) delete(ctx context.Context, condition string, arg any, expected int64) (n int64, err error) {
	err = s.write(ctx, false, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM memories WHERE "+condition, arg)
		if err == nil {
			n, err = result.RowsAffected()
		}
		if err == nil && n != expected {
			err = errNoMemory
		}
		return err
	})
	return n, err
}

// one returns the first memory that meets a condition, or an error matching
// [errNoMemory].
func one(ctx context.Context, db querier, condition string, args ...any) (memory, error) {
	var found []memory
	err := each(ctx, db, collect(&found), "SELECT id, text, tags, created FROM memories WHERE "+condition+" LIMIT 1", args...)
	if err == nil && len(found) == 0 {
		err = errNoMemory
	}
	if err != nil {
		return memory{}, err
	}
	return found[0], nil
}

// filter narrows a list or a search.
type filter struct {
	Tag   string `json:"tag,omitempty" about:"only memories with this tag" length:"64"`
	Since string `json:"since,omitempty" about:"only those made on this day or later: 2026-01-31, or 2026-01-31T09:30:00Z"`
	Until string `json:"until,omitempty" about:"only those made on this day or before"`
}

// where returns f as a condition on memories m, with its arguments.
func (f filter) where() (condition string, args []any, err error) {
	since, sinceErr := parseMoment("since", cmp.Or(f.Since, "0000-01-01"), 0)
	until, untilErr := parseMoment("until", cmp.Or(f.Until, "9999-12-31"), 24*time.Hour-time.Millisecond)
	condition = "true"
	if f.Since+f.Until != "" {
		condition += " AND " + made("m") + " BETWEEN @since AND @until"
	}
	if f.Tag != "" {
		condition += " AND tagged(m.tags, @tag)"
	}
	args = []any{sql.Named("tag", strings.TrimSpace(f.Tag)), sql.Named("since", since), sql.Named("until", until+" ~")}
	return condition, args, errors.Join(sinceErr, untilErr)
}

// parseMoment returns a time as [moment] does; that of a day alone is so long
// after its beginning.
func parseMoment(argument, value string, late time.Duration) (string, error) {
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		late = 0
		t, err = time.Parse(time.RFC3339Nano, value)
	}
	if err != nil {
		err = fmt.Errorf("%q is %q, and must be a day such as 2026-01-31 or a time such as 2026-01-31T09:30:00Z", argument, value)
	}
	return moment(t.Add(late)), err
}

// list returns up to limit memories, the newest first: those after the one
// with this cursor, or the first.
func (s *store) list(ctx context.Context, f filter, cursor string, limit int) (memories []memory, err error) {
	condition, args, err := f.where()
	before, _, _ := strings.Cut(cursor, " ")
	if _, notTime := time.Parse(time.RFC3339Nano, before+"Z"); cursor != "" && notTime != nil {
		err = errors.Join(err, fmt.Errorf(`"cursor" is %q, which no page has returned`, cursor))
	}
	if err != nil {
		return nil, err
	}
	err = each(ctx, s, collect(&memories), "SELECT id, text, tags, created FROM memories m WHERE "+condition+" AND "+made("m")+" < @cursor ORDER BY "+made("m")+" DESC LIMIT @limit",
		append(args, sql.Named("cursor", cmp.Or(cursor, "~")), sql.Named("limit", limit))...)
	return memories, err
}

// idsWith returns up to limit ids that begin with prefix, the newest first.
func (s *store) idsWith(ctx context.Context, prefix string, limit int) (ids []string, err error) {
	err = each(ctx, s, func(rows *sql.Rows) error {
		ids = append(ids, "")
		return rows.Scan(&ids[len(ids)-1])
	}, "SELECT id FROM memories WHERE substr(id, 1, length(?1)) = ?1 ORDER BY "+made("memories")+" DESC LIMIT ?2", prefix, limit)
	return ids, err
}

// querier is a store, a database or a transaction.
type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// each calls do with every row of a query's result. Where there is no store
// there are none.
func each(ctx context.Context, db querier, do func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	switch {
	case errors.Is(err, errNoStore):
		return nil
	case err != nil:
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func collect(memories *[]memory) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		m, err := scan(rows)
		*memories = append(*memories, m)
		return err
	}
}

// scan reads id, text, tags and created, and what more there is.
func scan(rows *sql.Rows, more ...any) (memory, error) {
	var m memory
	var tags, created string
	if err := rows.Scan(append([]any{&m.ID, &m.Text, &tags, &created}, more...)...); err != nil {
		return m, err
	}
	var err error
	if m.Tags, err = decodeTags(tags); err == nil {
		m.Created, err = time.Parse(time.RFC3339Nano, created)
	}
	return m, err
}
