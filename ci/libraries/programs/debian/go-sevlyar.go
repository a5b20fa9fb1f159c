//go:build ignore

// The daemon creates its pid file with go-daemon and removes it in the end.
package main

import (
	"io"
	"log"
	"os"

	"github.com/sevlyar/go-daemon"
)

func main() {
	lock, err := daemon.CreatePidFile(os.Args[1], 0o644)
	if err != nil {
		log.Fatal(err)
	}
	defer lock.Remove()
	io.Copy(io.Discard, os.Stdin)
}
