package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// export writes every memory as a line of JSON, the oldest first, all as of
// one moment, and returns how many there are.
func (s *store) export(ctx context.Context, w io.Writer) (n int64, err error) {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	err = s.each(ctx, func(m memory) error {
		n++
		return lines.Encode(m)
	})
	return n, err
}

// exportFile exports to a file that must not exist yet. After an error there
// is none.
func (s *store) exportFile(ctx context.Context, path string) (n int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = &problem{what: "cannot export", err: err, hint: "name a file that does not exist yet"}
	}
	if err != nil {
		return 0, err
	}
	n, err = s.export(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return 0, &problem{what: "cannot export", err: err}
	}
	return n, nil
}

func (c command) export() (int, error) {
	file, err := c.file()
	if err != nil {
		return exitRefused, err
	}
	var n int64
	err = c.withStore(func(ctx context.Context, s *store) error {
		if file == "-" {
			n, err = s.export(ctx, c.stdout)
		} else {
			n, err = s.exportFile(ctx, file)
		}
		return err
	})
	if err != nil {
		return exitFailed, err
	}
	if file != "-" {
		fmt.Fprintf(c.stdout, "exported %s to %s\n", howMany(n), quote(file))
	}
	return exitOK, nil
}
