package main

// Doctor sees what a script cannot plant: a store with a damaged page, and
// places where no lock can be taken.

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/lock"
)

func TestDoctorFindsDamage(t *testing.T) {
	m := tested(t)
	for range 50 {
		callTool(t, m, "mem_add", map[string]any{"text": strings.Repeat("word ", 500)}, nil)
	}
	p, err := find()
	if err != nil {
		t.Fatal(err)
	}
	healthy := newStore(p)
	t.Cleanup(func() { healthy.close() })
	if f := p.examineStore(); !f.OK {
		t.Fatal(f)
	}
	// A copy, for the server keeps using the store.
	damaged := place{home: t.TempDir(), pidName: p.pidName}
	damaged.store = filepath.Join(damaged.home, "store")
	if err := os.Mkdir(damaged.store, 0o700); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(damaged.store, databaseFile)
	db, err := healthy.open(t.Context(), false, false)
	if err == nil {
		_, err = db.Exec("VACUUM INTO ?", copied)
	}
	if err != nil {
		t.Fatal(err)
	}
	if f := damaged.examineStore(); !f.OK {
		t.Fatal(f)
	}
	// What SQLite finds wrong with a row it says in words; a broken page is an error.
	incomplete, err := sql.Open("sqlite", copied)
	if err == nil {
		_, err = incomplete.Exec(`CREATE TABLE t(x); INSERT INTO t VALUES(NULL);
			PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE t(x NOT NULL)' WHERE name = 't'`)
		incomplete.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if f := damaged.examineStore(); f.OK || f.Remedy == "" {
		t.Error(f)
	}
	f, err := os.OpenFile(copied, os.O_RDWR, 0)
	if err == nil {
		_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, 4096), 20*4096)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if f := damaged.examineStore(); f.OK || f.Remedy == "" {
		t.Error(f)
	}
}

func TestDoctorTriesLocks(t *testing.T) {
	dir := t.TempDir()
	if f := examineLocks(lock.OS{}, filepath.Join(dir, "not", "yet")); !f.OK {
		t.Error(f)
	}
	if f := examineLocks(lockless{}, dir); f.OK || f.Remedy == "" || !strings.Contains(f.String(), "can be taken again") {
		t.Error(f)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := tryLocks(lock.OS{}, filepath.Join(dir, "nowhere")); err == nil {
		t.Error("locks work where there is no directory")
	}
}

// lockless is a file system that grants every lock.
type lockless struct{ lock.OS }

type locklessFile struct{ lock.File }

func (s lockless) Open(path string, mode lock.Mode) (lock.File, error) {
	f, err := s.OS.Open(path, mode)
	return locklessFile{f}, err
}

func (locklessFile) TryLock(bool) error { return nil }
func (locklessFile) Unlock() error      { return nil }
