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
	return exportAll(ctx, db, w)
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
		write := func(w io.Writer) (int64, error) { return s.export(ctx, w) }
		if file == "-" {
			n, err = write(c.stdout)
		} else {
			n, err = exportFile(file, write)
		}
		return err
	})
	switch {
	case err == nil || isLoss(err):
	case isDamage(err):
		return exitStopped, err
	default:
		return code, err
	}
	if file != "-" {
		fmt.Fprintf(c.stdout, "exported %s to %s\n", howMany(n), quote(file))
	}
	if err != nil {
		return exitStopped, err
	}
	return exitOK, nil
}
