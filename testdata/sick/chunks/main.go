// Chunks writes to its output without end, a gigabyte at a time.
package main

import "os"

func main() {
	chunk := make([]byte, 1<<30)
	for {
		if _, err := os.Stdout.Write(chunk); err != nil {
			os.Exit(1)
		}
	}
}
