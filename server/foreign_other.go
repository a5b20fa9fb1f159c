//go:build !linux

package main

// foreignUsers says whether a program has the database in dir open with
// SQLite; the system does not easily tell which one.
func foreignUsers(dir string) []string { return foreignConnection(dir) }
