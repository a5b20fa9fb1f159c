//go:build !linux || !(amd64 || arm64)

// Faults needs a filter of system calls that only Linux has.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "faults: error: this needs Linux on amd64 or arm64")
	os.Exit(2)
}
