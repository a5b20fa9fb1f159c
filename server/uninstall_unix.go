//go:build unix

package main

import "fmt"

// renameNeedsNoOpenFiles: a directory can be renamed with open files in it.
const renameNeedsNoOpenFiles = false

// whoCommand is the command that names the processes with path open.
func whoCommand(path string) string { return "lsof " + quote(path) }

// endCommand is the command that asks process pid to end.
func endCommand(pid int) string { return fmt.Sprintf("kill %d", pid) }
