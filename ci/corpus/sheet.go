package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Sheet keeps what came of the programs of a table, a row each, in the table's
// order, and the page that is made of the rows.
type Sheet[R any] struct {
	Results, Page string           // the files, from the module's own directory
	Place         func(row R) int  // in the table, or -1 for a program that is not in it any more
	Render        func([]R) []byte // the page
}

// Load reads the rows there are.
func (s Sheet[R]) Load() ([]R, error) {
	var rows []R
	data, err := os.ReadFile(s.Results)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &rows)
	}
	return rows, err
}

// Record puts a row in the place of the one before, and writes the page.
func (s Sheet[R]) Record(r R) error {
	rows, err := s.Load()
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(old R) bool { return s.Place(old) < 0 || s.Place(old) == s.Place(r) })
	rows = append(rows, r)
	slices.SortFunc(rows, func(a, b R) int { return s.Place(a) - s.Place(b) })
	data, err := json.MarshalIndent(rows, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.Results, append(data, '\n'), 0o644); err != nil {
		return err
	}
	return s.Rewrite()
}

// Rewrite writes the page of the rows there are.
func (s Sheet[R]) Rewrite() error {
	rows, err := s.Load()
	if err != nil {
		return err
	}
	return os.WriteFile(s.Page, s.Render(rows), 0o644)
}

// Choose returns those of all that have the names, in their order, or all where
// there is no name.
func Choose[T any](all []T, nameOf func(T) string, names []string) ([]T, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []T
	for _, name := range names {
		i := slices.IndexFunc(all, func(t T) bool { return nameOf(t) == name })
		if i < 0 {
			return nil, fmt.Errorf("nothing in the table is called %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
