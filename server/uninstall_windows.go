package main

import "fmt"

// renameNeedsNoOpenFiles: a directory cannot be renamed while anything in it
// is open. A server that opens the store in the moment without the barrier
// makes the rename fail, and nothing is lost.
const renameNeedsNoOpenFiles = true

// whoCommand is the command that names the processes with path open.
func whoCommand(path string) string { return "handle.exe " + quote(path) }

// endCommand is the command that ends process pid: a program without a window
// cannot be asked from outside.
func endCommand(pid int) string { return fmt.Sprintf("taskkill /f /pid %d", pid) }
