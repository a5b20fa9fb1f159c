package main

// A store of an earlier memlatch is brought up to date once, beside servers
// that know nothing of that and whatever kills who does it: all that was there
// is there afterwards, and what anybody adds or deletes is found or not.

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// oldStore makes a store with n memories as an earlier memlatch has it, and
// returns a connection to it of that age.
func oldStore(t *testing.T, home string, n int) *sql.DB {
	t.Helper()
	dir := filepath.Join(home, "store")
	if err := makeDir(dir); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, databaseFile)+"?_pragma=busy_timeout(20000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	for _, do := range []string{"PRAGMA journal_mode = WAL", "BEGIN;" + schema + "COMMIT;"} {
		if _, err := db.Exec(do); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, databaseFile), 0o600); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		oldAdd(t, tx, fmt.Sprintf("the deployment of service%d", i))
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return db
}

func oldAdd(t *testing.T, db interface {
	Exec(string, ...any) (sql.Result, error)
}, text string) {
	t.Helper()
	if _, err := db.Exec("INSERT INTO memories(text, tags, created) VALUES (?, '[]', '2024-05-06T07:08:09Z')", text); err != nil {
		t.Fatal(err)
	}
}

// sound makes sure that both indexes are what the memories are.
func sound(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, check := range []string{"INSERT INTO words(words, rank) VALUES ('integrity-check', 1)", "INSERT INTO pieces(pieces, rank) VALUES ('integrity-check', 1)"} {
		if _, err := db.Exec(check); err != nil {
			t.Errorf("%s: %v", check, err)
		}
	}
	var said string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
		t.Errorf("%s, %v", said, err)
	}
}

func TestOldStoreIsImprovedBesideOldServers(t *testing.T) {
	dir := t.TempDir()
	old := oldStore(t, filepath.Join(dir, "home"), 500)
	servers := crowd(t, environment(dir), 4)
	atOnce(t, servers, func(i int, p *process) error {
		var page searchResult
		if err := p.call("mem_search", map[string]any{"query": "deploy"}, &page); err != nil || len(page.Memories) != 10 {
			return fmt.Errorf("found %d, %v", len(page.Memories), err)
		}
		return p.call("mem_add", map[string]any{"text": fmt.Sprint("a redeployment ", i)}, nil)
	})
	oldAdd(t, old, "an oldfashioned undeployment")
	if _, err := old.Exec("DELETE FROM memories WHERE id <= 100"); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{"undeploy": 1, "redeploy": 4, "service99": 0, "service499": 1, "ashione": 1} {
		var page searchResult
		if err := servers[0].call("mem_search", map[string]any{"query": query, "limit": 100}, &page); err != nil || len(page.Memories) != want {
			t.Errorf("%q finds %d, %v, want %d", query, len(page.Memories), err, want)
		}
	}
	end(t, servers)
	sound(t, old)
}

func TestKilledImprovementIsDoneByTheNext(t *testing.T) {
	const rounds, n = 8, 3000
	var usual time.Duration
	done := 0
	for round := range rounds + 1 {
		dir := t.TempDir()
		old := oldStore(t, filepath.Join(dir, "home"), n)
		p := crowd(t, environment(dir), 1)[0]
		if err := p.send("tools/call", toolCall("mem_add", map[string]any{"text": "x"})); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if round == 0 {
			if _, err := p.receive(); err != nil {
				t.Fatal(err)
			}
			usual = time.Since(begin)
		} else {
			time.Sleep(usual * time.Duration(round) / rounds) // a moment of its own for each round
		}
		p.crash()
		var improved bool
		if err := old.QueryRow("SELECT count(*) FROM sqlite_master WHERE name = 'pieces'").Scan(&improved); err != nil {
			t.Fatal(err)
		}
		if improved {
			done++
		}
		next := crowd(t, environment(dir), 1)
		var page searchResult
		if err := next[0].call("mem_search", map[string]any{"query": "ervice2999"}, &page); err != nil || len(page.Memories) != 1 {
			t.Errorf("round %d: found %d, %v", round, len(page.Memories), err)
		}
		end(t, next)
		sound(t, old)
		var count int
		if err := old.QueryRow("SELECT count(*) FROM memories").Scan(&count); err != nil || count < n || count > n+1 {
			t.Errorf("round %d: %d memories, %v", round, count, err)
		}
	}
	t.Logf("killed after it was done %d times of %d", done-1, rounds)
}

// What cannot be improved can be used: everything is found, in longer time.
func TestStoreThatIsNotImprovedIsSearched(t *testing.T) {
	p := newPlace(t)
	old := oldStore(t, p.home, 50)
	s := newStore(p)
	defer s.close()
	if _, err := s.open(t.Context(), false, false); err != nil {
		t.Fatal(err)
	}
	for _, drop := range []string{"DROP TRIGGER memories_added_pieces", "DROP TRIGGER memories_deleted_pieces", "DROP TABLE pieces", "DROP INDEX memories_text", "DROP INDEX memories_created"} {
		if _, err := old.Exec(drop); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := s.search(t.Context(), "ervice49", filter{}, 10); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
	if memories, err := s.list(t.Context(), filter{}, "", 5); err != nil || len(memories) != 5 {
		t.Errorf("listed %v, %v", memories, err)
	}
	if m, known, err := add(t.Context(), s, memory{Text: "the deployment of service7"}); err != nil || !known || m.ID != 8 {
		t.Errorf("added %v, %v, %v", m, known, err)
	}
}

// SQLite opens for reading what it fails to open for writing, once.
func TestReadOnlyConnectionIsReplaced(t *testing.T) {
	s := newStore(newPlace(t))
	defer s.close()
	if _, _, err := add(t.Context(), s, memory{Text: "one"}); err != nil {
		t.Fatal(err)
	}
	s.db.Close()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(s.dir, databaseFile))+"?mode=ro&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	s.db = &database{DB: db, unwritable: errors.New("opened for reading")}
	if _, _, err := add(t.Context(), s, memory{Text: "two"}); err != nil {
		t.Errorf("with a connection for reading: %v", err)
	}
}

func TestLogOfTheDatabaseIsBounded(t *testing.T) {
	s := newStore(newPlace(t))
	defer s.close()
	write := func(n int) {
		t.Helper()
		err := s.write(t.Context(), true, func(tx *sql.Tx) error {
			for i := range n {
				if _, err := insert(t.Context(), tx, insertAnyway, memory{Text: fmt.Sprintf("%d %01000d", i, i)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(s.dir, databaseFile+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	write(8000)
	if size() < 8<<20 {
		t.Fatalf("the log has only %d bytes", size())
	}
	write(1) // begins the log again
	if size() > 5<<20 {
		t.Errorf("the log keeps %d bytes", size())
	}
}

// Texts made from one template begin, end and are long alike. To tell whether
// one is there takes no look at the others.
func TestTextsThatAreAlikeAreNotComparedWithEach(t *testing.T) {
	s := newStore(newPlace(t))
	defer s.close()
	if _, _, err := add(t.Context(), s, memory{Text: "one"}); err != nil {
		t.Fatal(err)
	}
	rows, err := s.db.Query("EXPLAIN QUERY PLAN "+insertUnlessKnown, 0, "two", "[]", "")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plans []string
	for rows.Next() {
		var id, parent, unused int
		var plan string
		if err := rows.Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		plans = append(plans, plan)
	}
	if !strings.Contains(strings.Join(plans, "\n"), "SEARCH memories USING INDEX memories_text (text=?)") || strings.Contains(strings.Join(plans, "\n"), "SCAN memories") {
		t.Errorf("SQLite will %q", plans)
	}
}
