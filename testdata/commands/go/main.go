//go:build linux

// Commands of the exam that are written in Go: each has one bug that shows only
// when two of them run at the same time, and a twin, with "-fixed" behind its
// name, that has none.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var programs = map[string]func(name string){
	"rename":                func(name string) { setByRename(name) },
	"rename-fixed":          func(name string) { locked(unix.LOCK_EX, func() { setByRename(name) }) },
	"lock-after-read":       lockAfterRead,
	"lock-after-read-fixed": func(name string) { locked(unix.LOCK_EX, func() { setByRename(name) }) },
	"half-written":          func(name string) { halfWritten(name, func(f func()) { f() }) },
	"half-written-fixed":    func(name string) { halfWritten(name, func(f func()) { locked(unix.LOCK_SH, f) }) },
	"append":                func(name string) { add(name, 0) },
	"append-fixed":          func(name string) { add(name, os.O_APPEND) },
	"unlink-create":         func(name string) { unlinkCreate(name, replaceByUnlink) },
	"unlink-create-fixed":   func(name string) { unlinkCreate(name, replaceByRename) },
	"rotated-token":         func(name string) { refresh() },
	"rotated-token-fixed":   func(name string) { locked(unix.LOCK_EX, refresh) },
	"map":                   mapIt, // of no exam: what is written through memory is not seen
}

func main() {
	if len(os.Args) != 3 || programs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: commands PROGRAM NAME")
		os.Exit(2)
	}
	programs[os.Args[1]](os.Args[2])
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// locked runs f under a lock of a file that stays.
func locked(how int, f func()) {
	lock, err := os.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600)
	must(err)
	must(unix.Flock(int(lock.Fd()), how))
	f()
	lock.Close()
}

// mapIt has a file in memory for a moment, and sets its time.
func mapIt(name string) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	must(err)
	page, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(err)
	must(unix.Munmap(page))
	must(os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0)))
}

func load() map[string]int {
	data, err := os.ReadFile("config.json")
	must(err)
	config := map[string]int{}
	json.Unmarshal(data, &config) // what cannot be read counts as empty
	return config
}

func encoded(config map[string]int) []byte {
	data, err := json.Marshal(config)
	must(err)
	return append(data, '\n')
}

// replaceByRename puts new content in the place of the file, whole.
func replaceByRename(name string, data []byte) {
	tmp := "config.json." + name
	must(os.WriteFile(tmp, data, 0o600))
	must(os.Rename(tmp, "config.json"))
}

// replaceByUnlink leaves no file for a moment, and then an empty one.
func replaceByUnlink(_ string, data []byte) {
	must(os.Remove("config.json"))
	must(os.WriteFile("config.json", data, 0o600))
}

// setByRename changes a key of what it has read.
func setByRename(name string) {
	config := load()
	config[name] = 1
	replaceByRename(name, encoded(config))
}

// lockAfterRead has the lock only while it writes.
func lockAfterRead(name string) {
	config := load()
	config[name] = 1
	locked(unix.LOCK_EX, func() { replaceByRename(name, encoded(config)) })
}

// halfWritten sets a key in place, under a lock, or, as "export", reads the file
// and writes what it found elsewhere.
func halfWritten(name string, reading func(func())) {
	if name == "export" {
		reading(func() { must(os.WriteFile("export.json", encoded(load()), 0o600)) })
		return
	}
	locked(unix.LOCK_EX, func() {
		config := load()
		config[name] = 1
		must(os.WriteFile("config.json", encoded(config), 0o600))
	})
}

// add writes a line behind the end of a file, which it looks for unless the
// system does.
func add(name string, flag int) {
	f, err := os.OpenFile("list", os.O_WRONLY|flag, 0)
	must(err)
	_, err = f.Seek(0, io.SeekEnd)
	must(err)
	_, err = f.WriteString(name + "\n")
	must(err)
	must(f.Close())
}

// unlinkCreate replaces the file under a lock, or, as "export", reads it
// without: no reader should notice.
func unlinkCreate(name string, replace func(string, []byte)) {
	if name == "export" {
		data, _ := os.ReadFile("config.json") // none counts as empty
		must(os.WriteFile("export.json", data, 0o600))
		return
	}
	locked(unix.LOCK_EX, func() {
		config := load()
		config[name] = 1
		replace(name, encoded(config))
	})
}

// refresh exchanges the token for the next one. An old one is refused by the
// service, and then nobody is logged in any more.
func refresh() {
	token, err := os.ReadFile("token")
	if err != nil {
		return
	}
	next, ok := exchange(string(token))
	if !ok {
		must(os.Remove("token"))
		return
	}
	must(os.WriteFile("token.new", []byte(next), 0o600))
	must(os.Rename("token.new", "token"))
}

// exchange plays the service, which has a lock of its own.
func exchange(token string) (next string, ok bool) {
	service, err := os.OpenFile("service", os.O_RDWR, 0)
	must(err)
	defer service.Close()
	must(unix.Flock(int(service.Fd()), unix.LOCK_EX))
	valid, err := io.ReadAll(service)
	must(err)
	if token != string(valid) {
		return "", false
	}
	next = strings.TrimSpace(token) + "+\n"
	_, err = service.WriteAt([]byte(next), 0)
	must(err)
	return next, true
}
