package lock

// Proves what is Linux's own: that only the lock that counts makes a holder, that
// a list of locks which changes while it is read hides none, that there need be no
// list, and that a barrier is shared by who may only read.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOtherKindOfLockMakesNoHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(ownLine), 0); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, path, Status{State: Held})
}

func TestOnlyAnExclusiveLockOfTheProcessOnTheFileCounts(t *testing.T) {
	const line = "4: FLOCK  ADVISORY  WRITE 4242 fe:00:131090 0 EOF\n"
	for text, want := range map[string]bool{
		"":                  false,
		"\n4: FLOCK\n":      false,
		line:                true,
		"1: POSIX\n" + line: true,
		"4: FLOCK  ADVISORY  READ 4242 fe:00:131090 0 EOF\n":     false,
		"4: POSIX  ADVISORY  WRITE 4242 fe:00:131090 0 EOF\n":    false,
		"4: FLOCK  ADVISORY  WRITE 424 fe:00:131090 0 EOF\n":     false,
		"4: FLOCK  ADVISORY  WRITE 4242 fe:00:31090 0 EOF\n":     false,
		"4: FLOCK  ADVISORY  WRITE 4242 fe:00:1310900 0 EOF\n":   false,
		"4: -> FLOCK  ADVISORY  WRITE 4242 fe:00:131090 0 EOF\n": false,
	} {
		if got := lists([]byte(text), 4242, 131090); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// A file that runs cannot be opened for writing, whoever asks.
func TestBarrierIsSharedByWhoMayOnlyRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock() // no child may have it open for writing
	err = os.WriteFile(path, program, 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(path, path)
	child.Env = append(os.Environ(), roleVariable+"=child")
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer input.Close()
	mustTake(t, Share, path)
	if _, err := Exclude(over, path); !errors.Is(err, unix.ETXTBSY) {
		t.Errorf("Exclude: %v, want that it cannot be opened for writing", err)
	}
}

// Where there is no /proc, a recorded pid is believed of a process that lives.
func TestHolderIsALiveProcessWithoutProc(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	for pid, want := range map[int]Status{
		holder.cmd.Process.Pid: {Held, holder.cmd.Process.Pid},
		1 << 30:                {State: Held}, // no process has it
	} {
		write(t, path, fmt.Sprintln(pid))
		blind := exec.Command(os.Args[0], path)
		blind.Env = append(os.Environ(), roleVariable+"=blind")
		blind.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		out, err := blind.Output()
		if errors.Is(err, unix.EPERM) {
			t.Skip("nothing can be mounted here")
		}
		if got := strings.TrimSpace(string(out)); err != nil || got != fmt.Sprint(want) {
			t.Errorf("pid %d: a probe without /proc finds %s, %v, want %v", pid, got, err, want)
		}
	}
}

func init() { roles["blind"] = beBlind }

// beBlind probes without /proc, in a file system of its own.
func beBlind(path string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("none", "/proc", "tmpfs", 0, ""); err != nil {
		return err
	}
	status, err := Probe(path)
	fmt.Println(status)
	return err
}

func TestHolderIsFoundInAListThatChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	f, err := OS{}.Open(path, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Locks enough for several reads, which come and go.
	over := make(chan struct{})
	var others sync.WaitGroup
	for i := range 2 {
		var files []*os.File
		for range 200 {
			g, err := os.CreateTemp(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			files = append(files, g)
		}
		others.Go(func() {
			for n := i; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				how := unix.LOCK_EX
				if n%3 == 0 {
					how = unix.LOCK_UN
				}
				if err := unix.Flock(int(files[n*7%len(files)].Fd()), how|unix.LOCK_NB); err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
					t.Error(err)
					return
				}
			}
		})
	}
	begin := time.Now() // the holder is not let live for longer than patience
	for n := 0; n < 2000 && time.Since(begin) < patience/4; n++ {
		if !(OS{}).Holds(f, holder.cmd.Process.Pid) {
			t.Error("the holder is not found")
			break
		}
	}
	close(over)
	others.Wait()
}
