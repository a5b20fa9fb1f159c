package main

import "context"

// foreignConnection says whether anybody has a connection to the database in
// dir. SQLite leaves WAL mode only when nobody has, and it may: whoever opens
// the store next enters WAL mode again. What is no database has no users.
func foreignConnection(dir string) []string {
	db, _, err := openDatabase(context.Background(), dir, false)
	if err == nil {
		defer db.Close()
		_, err = db.Exec("PRAGMA busy_timeout = 250; PRAGMA journal_mode = DELETE")
	}
	if isBusy(err) {
		return []string{"its name is not known"}
	}
	return nil
}
