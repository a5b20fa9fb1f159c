//go:build unix

package main

import "fmt"

// renameNeedsNoOpenFiles: a directory can be renamed with open files in it.
const renameNeedsNoOpenFiles = false

// whoHas is the command that names the processes with path open.
func whoHas(path string) string { return "lsof " + quote(path) }

// end is the command that asks process pid to end.
func end(pid int) string { return fmt.Sprintf("kill %d", pid) }
