//go:build ignore

// The daemon writes its pid file with facebookgo/pidfile, which has nothing to
// remove it with.
package main

import (
	"io"
	"log"
	"os"

	"github.com/facebookgo/pidfile"
)

func main() {
	pidfile.SetPidfilePath(os.Args[1])
	if err := pidfile.Write(); err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, os.Stdin)
	os.Remove(os.Args[1])
}
