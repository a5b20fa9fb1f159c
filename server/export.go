package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"
)

// export writes what can be read of a store, as [exportAll] does.
func (s *store) export(ctx context.Context, w io.Writer) (n int64, err error) {
	db, err := s.open(ctx, false, false)
	if errors.Is(err, errNoStore) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return exportAll(ctx, db.DB, w)
}

// exportAll writes every memory as a line of JSON, the oldest first, all as of
// one moment, and returns how many there are. The error is a [*loss] if those
// that can be read are written, and there are others.
func exportAll(ctx context.Context, db *sql.DB, w io.Writer) (n int64, err error) {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	err = salvage(ctx, db, func(m memory) error {
		n++
		return lines.Encode(m)
	})
	return n, err
}

// exportFile has write export to a file that must not exist yet. After an
// error that is no [*loss] there is none.
func exportFile(path string, write func(io.Writer) (int64, error)) (n int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = &problem{what: "cannot export", err: err, hint: "name a file that does not exist yet"}
	}
	if err != nil {
		return 0, err
	}
	n, lost := write(f)
	if !isLoss(lost) {
		err = lost
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return 0, &problem{what: "cannot export", err: err}
	}
	return n, lost
}

func (c command) export() (int, error) {
	file, err := c.file()
	if err != nil {
		return exitRefused, err
	}
	var n int64
	code, err := c.withStore(func(ctx context.Context, s *store) error {
		if file == "-" {
			n, err = s.export(ctx, c.stdout)
		} else {
			n, err = exportFile(file, func(w io.Writer) (int64, error) { return s.export(ctx, w) })
		}
		return err
	})
	if isLoss(err) || isDamage(err) {
		code = exitStopped
	}
	if file != "-" && (err == nil || isLoss(err)) {
		fmt.Fprintf(c.stdout, "exported %s to %s\n", howMany(n), quote(file))
	}
	return code, err
}

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
	_, lost := errors.AsType[*loss](err)
	return lost
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
