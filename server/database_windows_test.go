package main

// What is being renamed cannot be opened, and that is no reason to fail.

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// Who opens the store while another server is giving the new database its
// name must be able to write there.
func TestDatabaseThatIsBeingRenamedIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	db, err := openDatabase(context.Background(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	renaming, err := windows.CreateFile(name, windows.DELETE,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(100*time.Millisecond, func() { windows.CloseHandle(renaming) }).Stop()
	if db, err = openDatabase(context.Background(), dir, false); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DELETE FROM memories"); err != nil {
		t.Error(err)
	}
}
