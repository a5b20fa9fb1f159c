package main

// A store that is damaged, of a newer memlatch or not to be written keeps its
// memories to itself as little as it can: all that can be read is listed,
// searched and exported, and no remedy loses any.

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filled returns the place of a store with so many memories that nobody has
// open, each with an id that its text begins with.
func filled(t *testing.T, memories int) place {
	t.Helper()
	p := newPlace(t)
	s := newStore(p)
	var lines strings.Builder
	for i := range memories {
		fmt.Fprintf(&lines, `{"text":"memory %d %s","tags":["t"]}`+"\n", i+1, strings.Repeat("word ", 100))
	}
	if _, err := s.load(t.Context(), strings.NewReader(lines.String()), func(imported) {}); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// change runs SQL on a store that nobody has open.
func change(t *testing.T, p place, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(p.store, databaseFile))
	if err == nil {
		_, err = db.Exec(statements)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pagesOf are the numbers of a table's pages, the root first.
func pagesOf(t *testing.T, p place, table string) (pages []int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(p.store, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT pageno FROM dbstat WHERE name = ? ORDER BY path", table)
	if err != nil {
		t.Skip("this SQLite does not tell: ", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, n)
	}
	return pages
}

func overwrite(t *testing.T, p place, page int, with byte) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(p.store, databaseFile), os.O_RDWR, 0)
	if err == nil {
		_, err = f.WriteAt(bytes.Repeat([]byte{with}, 4096), int64(page-1)*4096)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestExportSavesWhatCanBeRead(t *testing.T) {
	const all = 200
	for name, row := range map[string]struct {
		damage func(*testing.T, place)
		most   int // memories that may be lost with it
	}{
		"a page of ones":  {func(t *testing.T, p place) { overwrite(t, p, pagesOf(t, p, "memories")[3], 0xff) }, 20},
		"a page of zeros": {func(t *testing.T, p place) { overwrite(t, p, pagesOf(t, p, "memories")[1], 0) }, 20},
		"the last page": {func(t *testing.T, p place) {
			pages := pagesOf(t, p, "memories")
			overwrite(t, p, pages[len(pages)-1], 0)
		}, 20},
		"two pages": {func(t *testing.T, p place) {
			m := pagesOf(t, p, "memories")
			overwrite(t, p, m[2], 0)
			overwrite(t, p, m[5], 0xff)
		}, 40},
		"and the index's list": {func(t *testing.T, p place) {
			overwrite(t, p, pagesOf(t, p, "memories")[3], 0)
			overwrite(t, p, pagesOf(t, p, "words_docsize")[0], 0xff)
		}, 20},
		"cut off": {func(t *testing.T, p place) {
			path := filepath.Join(p.store, databaseFile)
			info, err := os.Stat(path)
			if err == nil {
				err = os.Truncate(path, info.Size()/4096*4096/2)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, all - 1},
		"no index": {func(t *testing.T, p place) {
			change(t, p, "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name LIKE 'words%'")
			overwrite(t, p, pagesOf(t, p, "memories")[3], 0)
		}, 20},
		"a text that is none": {func(t *testing.T, p place) {
			change(t, p, "UPDATE memories SET text = CAST(x'6d656d6f727920ff' AS TEXT) WHERE id = 9")
		}, 1},
		"no tags": {func(t *testing.T, p place) { change(t, p, "UPDATE memories SET tags = 'none' WHERE id = 9") }, 1},
		"no time": {func(t *testing.T, p place) { change(t, p, "UPDATE memories SET created = x'00' WHERE id = 9") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := filled(t, all)
			row.damage(t, p)
			out, err := program(t, os.Environ(), "", "export", filepath.Join(p.home, "saved.jsonl"))
			if exitCode(err) != exitStopped || !strings.Contains(out, " cannot be read, or not whole: ") {
				t.Fatalf("%v\n%s", err, out)
			}
			saved, err := os.ReadFile(filepath.Join(p.home, "saved.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			n := bytes.Count(saved, []byte("\n"))
			if n < all-row.most || n > all {
				t.Errorf("saved %d of %d", n, all)
			}
			var lost int
			if i := strings.Index(out, "damaged: "); i < 0 {
				t.Error(out)
			} else if fmt.Sscanf(out[i:], "damaged: %d", &lost); lost < all-n || lost > row.most {
				t.Errorf("%d are not saved, but:\n%s", all-n, out)
			}
			// A backup that is not whole is none.
			if out, err := program(t, os.Environ(), "", "uninstall", "-y", "--backup", filepath.Join(t.TempDir(), "b")); exitCode(err) != exitRefused {
				t.Errorf("uninstall: %v\n%s", err, out)
			}
			// The remedy is right.
			for _, args := range [][]string{{"uninstall", "-y"}, {"import", filepath.Join(p.home, "saved.jsonl")}, {"doctor"}} {
				if out, err := program(t, os.Environ(), "", args...); err != nil {
					t.Errorf("%s: %v\n%s", args, err, out)
				}
			}
		})
	}
}

func TestNothingIsSavedOfWhatIsNoDatabase(t *testing.T) {
	p := filled(t, 1)
	overwrite(t, p, 1, 0)
	out, err := program(t, os.Environ(), "", "export", "saved.jsonl")
	if exitCode(err) != exitStopped || !strings.Contains(out, "the store is damaged") {
		t.Errorf("%v\n%s", err, out)
	}
}

func exitCode(err error) int {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

func TestStoreOfANewerMemlatchIsRead(t *testing.T) {
	p := filled(t, 3)
	change(t, p, fmt.Sprint("PRAGMA user_version = ", schemaVersion+1))
	onlyRead(t, os.Environ(), p, "install the newer memlatch")
}

// onlyRead has a store of three memories read in every way and changed in
// none; the remedy is to contain this.
func onlyRead(t *testing.T, env []string, p place, remedy string) {
	t.Helper()
	if out, err := program(t, env, "", "doctor"); exitCode(err) != exitStopped || !strings.Contains(out, remedy) || strings.Contains(out, "backup") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	if out, err := program(t, env, "", "export", "-"); err != nil || strings.Count(out, "\n") != 3 {
		t.Errorf("export: %v\n%s", err, out)
	}
	if out, err := program(t, env, `{"text":"x"}`, "import", "-"); exitCode(err) != exitFailed || !strings.Contains(out, remedy) {
		t.Errorf("import: %v\n%s", err, out)
	}
	s, err := start(env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.crash)
	var all, found struct{ Memories []struct{ ID int64 } }
	var one memory
	for _, err := range []error{s.handshake(), s.call("mem_list", struct{}{}, &all), s.call("mem_get", map[string]any{"id": 2}, &one),
		s.call("mem_search", map[string]any{"query": "memory"}, &found)} {
		if err != nil {
			t.Error(err)
		}
	}
	if len(all.Memories) != 3 || len(found.Memories) != 3 || !strings.HasPrefix(one.Text, "memory 2 ") {
		t.Errorf("listed %v, found %v, got %.20s", all, found, one.Text)
	}
	for tool, args := range map[string]any{"mem_add": map[string]any{"text": "x"}, "mem_delete": map[string]any{"id": 1}} {
		if err := s.call(tool, args, nil); err == nil || !strings.Contains(err.Error(), remedy) {
			t.Errorf("%s: %v", tool, err)
		}
	}
	if err := s.eof(); err != nil {
		t.Error(err)
	}
}

// What could only be read for a while is written again by the same server.
func TestStoreThatCanBeWrittenAgainIs(t *testing.T) {
	p := filled(t, 1)
	s := newStore(p)
	t.Cleanup(func() { s.close() })
	change(t, p, fmt.Sprint("PRAGMA user_version = ", schemaVersion+1))
	if _, err := one(t.Context(), s, "id = ?", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.delete(t.Context(), "id = ?", 1, 1); err == nil {
		t.Fatal("changed a newer store")
	}
	change(t, p, fmt.Sprint("PRAGMA user_version = ", schemaVersion))
	if _, err := s.delete(t.Context(), "id = ?", 1, 1); err != nil {
		t.Error(err)
	}
}

func TestDoctorLeavesNoProbe(t *testing.T) {
	p := filled(t, 1)
	if f := p.examineStore(); !f.OK {
		t.Fatal(f)
	}
	s := newStore(p)
	t.Cleanup(func() { s.close() })
	var n int
	if _, err := s.export(context.Background(), countLines{&n}); err != nil || n != 1 {
		t.Errorf("%d memories, %v", n, err)
	}
}

type countLines struct{ n *int }

func (c countLines) Write(text []byte) (int, error) {
	*c.n += bytes.Count(text, []byte("\n"))
	return len(text), nil
}

// A database that takes nothing more is not all well.
func TestDoctorWritesAMemory(t *testing.T) {
	p := filled(t, 1)
	change(t, p, "CREATE TRIGGER full BEFORE INSERT ON memories BEGIN SELECT RAISE(FAIL, 'no room'); END")
	if f := p.examineStore(); f.OK || !strings.Contains(f.Found, "no room") {
		t.Error(f)
	}
}
