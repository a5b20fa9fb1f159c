package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// maxPath is the longest path of a database that SQLite opens, in bytes: four
// times MAX_PATH less the longest ending that it adds.
const maxPath = 4*windows.MAX_PATH - 8

// expand is path as a shell would read it.
func expand(path string) string {
	if expanded, err := registry.ExpandString(path); err == nil {
		path = expanded
	}
	return os.ExpandEnv(path)
}

func systemRuntimeDirs() []string {
	local, err := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, 0)
	if err != nil {
		return []string{filepath.Join(os.TempDir(), "memlatch-0")}
	}
	return []string{filepath.Join(local, "Temp", "memlatch-0")}
}

// ownerOf leaves who may use a directory to what it inherits from the user's
// profile.
func ownerOf(fs.FileInfo) int { return os.Geteuid() }

// writable leaves that to who writes.
func writable(string) error { return nil }

// quote makes path one word of a command line; a path has no quotes in it.
func quote(path string) string { return `"` + path + `"` }

// mayRemove is left to the system.
func mayRemove(string) bool { return true }

// Commands that a person can give. A program without a window cannot be asked
// from outside to end.
const (
	removeFile = "del "
	removeAll  = "rmdir /s "
	namesUsers = "handle.exe "
	endProcess = "taskkill /f /pid "
)

// syncDir does nothing: Windows keeps names in its journal.
func syncDir(string) {}

// awaitRename waits until whoever has made the database at path has let go of
// it. Windows opens a file that is being renamed to nobody who does not share
// its deletion; SQLite then opens it again for reading alone, and stays with
// that.
func awaitRename(ctx context.Context, path string) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || !pause(ctx, poll) {
			return
		}
	}
}

// stopSignals: Go delivers CTRL_C and CTRL_BREAK as Interrupt, and CTRL_CLOSE,
// log-off and shutdown as SIGTERM.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

func ignoreBrokenPipe() {}

func watchHost(ctx context.Context, host int, gone func()) {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(host))
	if err != nil {
		return // not ours to watch; end of input has to do
	}
	defer windows.CloseHandle(process)
	if startedAfter(process, windows.CurrentProcess()) {
		return // another process that was given our host's id
	}
	for ctx.Err() == nil {
		event, err := windows.WaitForSingleObject(process, uint32(hostInterval/time.Millisecond))
		if err != nil {
			return
		}
		if event == windows.WAIT_OBJECT_0 {
			gone()
			return
		}
	}
}

func startedAfter(a, b windows.Handle) bool {
	var started [2]windows.Filetime
	for i, p := range []windows.Handle{a, b} {
		var exit, kernel, user windows.Filetime
		if windows.GetProcessTimes(p, &started[i], &exit, &kernel, &user) != nil {
			return true
		}
	}
	return started[0].Nanoseconds() > started[1].Nanoseconds()
}

// hungUp reports false: Windows tells the end of a pipe only to who has read
// what is in it.
func hungUp(io.Reader) bool { return false }

// moveAside moves the database into a new directory aside. The directory it is
// in cannot be renamed with the barrier open, and without the barrier a server
// could come. Without the database, the files beside it mean nothing to the
// next server; the barrier's is removed last, and stays where a server already
// shares it.
func (r *removal) moveAside(s *seized, aside string) error {
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(r.store, databaseFile), filepath.Join(aside, databaseFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		os.Remove(aside)
		return err
	}
	for _, name := range storeFiles() {
		os.Remove(filepath.Join(r.store, name)) // not the barrier, which is open
	}
	s.barrier.Release()
	os.Remove(filepath.Join(r.store, barrierFile))
	r.removeDir(r.store) // which fails where a server makes a new store
	return nil
}

// patiently waits with what cannot be done to a directory while another reads
// or removes it.
func patiently(do func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), seizeWait)
	defer cancel()
	for {
		err := do()
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || !pause(ctx, poll) {
			return err
		}
	}
}
