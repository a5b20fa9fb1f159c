package content

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // registers the driver
)

// magic is how every database file of SQLite begins.
var magic = []byte("SQLite format 3\x00")

// besides are the endings of the files that belong to a database.
var besides = []string{"-wal", "-shm", "-journal"}

// foldDatabases replaces each database of the state, with the files that belong
// to it, by its content.
func (s State) foldDatabases(at func(name string) string) {
	for name, f := range s {
		if f.Type != 0 || !bytes.HasPrefix(f.Data, magic) {
			continue
		}
		rows, err := dump(at(name))
		if err != nil {
			rows = "damaged: " + err.Error()
		}
		f.Rows = rows
		s[name] = f
		for _, ending := range besides {
			delete(s, name+ending)
		}
	}
}

// dump returns what the next program to open the database would find in it: its
// schema and its rows, one a line, sorted. It reads a copy, because opening a
// database can change it.
func dump(name string) (string, error) {
	dir, err := os.MkdirTemp("", "dump")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for _, ending := range append([]string{""}, besides[0], besides[2]) {
		data, err := os.ReadFile(name + ending)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "db"+ending), data, 0o600)
		}
		if err != nil && ending == "" {
			return "", err
		}
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.ToSlash(filepath.Join(dir, "db"))}).EscapedPath())
	if err != nil {
		return "", err
	}
	defer db.Close()
	tables, err := rowsOf(db, `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'`)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, t := range tables {
		lines = append(lines, "schema\t"+fmt.Sprint(t[3]))
		if t[0] != "table" {
			continue
		}
		table := fmt.Sprint(t[1])
		rows, err := rowsOf(db, `SELECT * FROM "`+strings.ReplaceAll(table, `"`, `""`)+`"`)
		if err != nil { // a virtual table of a module that is not there; its rows stand in others
			lines = append(lines, table+"\t"+err.Error())
			continue
		}
		for _, row := range rows {
			lines = append(lines, table+"\t"+joinRow(row))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}

func joinRow(row []any) string {
	words := make([]string, len(row))
	for i, v := range row {
		if b, ok := v.([]byte); ok {
			v = fmt.Sprintf("x'%x'", b)
		}
		words[i] = strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(fmt.Sprint(v))
	}
	return strings.Join(words, "|")
}

func rowsOf(db *sql.DB, query string) ([][]any, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		row := make([]any, len(columns))
		targets := make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
