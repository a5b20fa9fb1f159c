// Locks is the smallest daemon there is around several libraries: it locks as
// the library's documentation says, waits for the end of its input, and lets
// go.
//
//	go-locks LIBRARY PIDFILE
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/alexflint/go-filemutex"
	"github.com/docker/docker/pkg/pidfile"
	"github.com/gofrs/flock"
	"github.com/nightlyone/lockfile"
	"github.com/rogpeppe/go-internal/lockedfile"
)

func main() {
	way, ok := ways[os.Args[1]]
	if !ok {
		check(fmt.Errorf("no library %q", os.Args[1]))
	}
	way(os.Args[2])
}

var ways = map[string]func(path string){
	"nightlyone": func(path string) {
		lock, err := lockfile.New(path)
		check(err)
		check(lock.TryLock())
		serve()
		check(lock.Unlock())
	},
	"moby": func(path string) {
		check(pidfile.Write(path, os.Getpid()))
		serve()
		check(os.Remove(path))
	},
	"gofrs": func(path string) {
		lock := flock.New(path + ".lock")
		got(lock.TryLock())
		write(path)
		serve()
		check(os.Remove(path))
		check(lock.Unlock())
	},
	"gofrs-same": func(path string) {
		lock := flock.New(path)
		got(lock.TryLock())
		write(path)
		serve()
		check(lock.Unlock())
		check(os.Remove(path))
	},
	"filemutex": func(path string) {
		lock, err := filemutex.New(path + ".lock")
		check(err)
		check(lock.TryLock())
		write(path)
		serve()
		check(os.Remove(path))
		check(lock.Close())
	},
	"lockedfile": func(path string) {
		unlock, err := lockedfile.MutexAt(path + ".lock").Lock()
		check(err)
		write(path)
		serve()
		check(os.Remove(path))
		unlock()
	},
}

func write(path string) {
	check(os.WriteFile(path, fmt.Appendln(nil, os.Getpid()), 0o644))
}

func serve() { io.Copy(io.Discard, os.Stdin) }

func got(locked bool, err error) {
	check(err)
	if !locked {
		check(fmt.Errorf("already running"))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
