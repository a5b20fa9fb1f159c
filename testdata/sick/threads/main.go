// Threads computes in 500 threads at the same time, without end.
package main

import (
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
)

func main() {
	runtime.GOMAXPROCS(500)
	if err := os.WriteFile(os.Args[1], []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		os.Exit(1)
	}
	var n atomic.Int64
	for range 500 {
		go func() {
			runtime.LockOSThread()
			for {
				n.Add(1)
			}
		}()
	}
	select {}
}
