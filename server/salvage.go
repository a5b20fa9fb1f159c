package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"unicode/utf8"
)

// loss says what of a damaged store could not be read.
type loss struct {
	memories int64 // that are not there, or not whole
	err      error // the first reason
}

func (l *loss) Error() string {
	return fmt.Sprintf("the store is damaged: %s cannot be read, or not whole: %v", howMany(l.memories), l.err)
}

func (l *loss) add(err error) {
	l.memories++
	if l.err == nil {
		l.err = err
	}
}

func isLoss(err error) bool {
	var l *loss
	return errors.As(err, &l)
}

// salvage calls do with every memory that can be read, the oldest first, all
// as of one moment. The error is a [*loss] if there are others.
func salvage(ctx context.Context, db *sql.DB, do func(memory) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	l := &loss{}
	var id int64 // of the last that was read or is lost
	for more := true; more; {
		var failed error
		err := each(ctx, tx, func(rows *sql.Rows) error {
			m, err := scan(rows)
			if err != nil {
				return err
			}
			if !utf8.ValidString(m.Text) { // no memory is stored like that
				l.add(fmt.Errorf("the text of memory %d is no text", m.ID))
			}
			id, failed = m.ID, do(m)
			return failed
		}, "SELECT id, text, tags, created FROM memories WHERE id > ? ORDER BY id", id)
		if failed != nil || ctx.Err() != nil {
			return errors.Join(failed, ctx.Err())
		}
		if more = err != nil; more {
			if more = next(ctx, tx, &id); more || l.err == nil {
				l.add(err)
			}
		}
	}
	if l.err != nil {
		return l
	}
	return nil
}

// next makes id that of the next memory, if there is one. The index of words has
// an entry for each; where that is damaged too, any number may be one's id.
func next(ctx context.Context, tx *sql.Tx, id *int64) bool {
	err := tx.QueryRowContext(ctx, "SELECT id FROM words_docsize WHERE id > ? ORDER BY id LIMIT 1", *id).Scan(id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, "SELECT ?1 + 1 FROM sqlite_sequence WHERE name = 'memories' AND seq > ?1", *id).Scan(id)
	}
	return err == nil
}
