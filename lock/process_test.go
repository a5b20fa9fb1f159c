package lock

// Proves what takes several processes: that the lock ends with its process and
// not later, that a refusal names the other process, and that of many who want
// the lock exactly one has it. The test program runs itself in other roles.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRefusalNamesTheOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	var held *HeldError
	if _, err := Acquire(path); !errors.As(err, &held) || held.PID != holder.cmd.Process.Pid {
		t.Errorf("Acquire: %v, want a refusal that names process %d", err, holder.cmd.Process.Pid)
	}
	wantStatus(t, path, Status{Held, holder.cmd.Process.Pid})
	holder.end()
	wantStatus(t, path, Status{})
	mustAcquire(t, path)
}

// The pid of a dead server can be another process's by the time at which the
// next server has the lock and has not written yet.
func TestResidueIsNotBelievedOfALiveProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	stranger := start(t, "child", path)
	stranger.says("born")
	write(t, path, fmt.Sprintln(stranger.cmd.Process.Pid))
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	starter, err := OS{}.Open(path, Create)
	if err != nil {
		t.Fatal(err)
	}
	defer starter.Close()
	if err := starter.TryLock(true); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, path, Status{State: Held})
	var held *HeldError
	if _, err := Acquire(path); !errors.As(err, &held) || held.PID != 0 {
		t.Errorf("Acquire: %v, want a refusal without a pid", err)
	}
}

func TestKilledHolderIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	holder.kill()
	wantStatus(t, path, Status{Stale, holder.cmd.Process.Pid})
	mustAcquire(t, path)
	wantContent(t, path, ownLine)
	wantStatus(t, path, Status{Held, os.Getpid()})
}

func TestCollectorDoesNotReleaseTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "forgetful", path)
	holder.says("held")
	wantStatus(t, path, Status{Held, holder.cmd.Process.Pid})
}

func TestChildDoesNotKeepTheLockOfItsParent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	parent := start(t, "parent", path)
	parent.says("born")
	parent.kill()
	mustAcquire(t, path)
	parent.input.Close()
	for parent.lines.Scan() { // until the child has ended too
	}
}

// A child shares its parent's open files from the fork until its own exec.
// While another goroutine starts processes as fast as it can, every stop must
// let the next start in.
func TestStartingProcessesDoesNotDelayTheNextHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for range 8 {
			child := exec.Command(os.Args[0], path)
			child.Env = append(os.Environ(), roleVariable+"=child") // its input is at the end
			if err := child.Run(); err != nil {
				t.Error(err)
			}
		}
	})
	defer wg.Wait()
	for starts := 0; ; starts++ {
		select {
		case <-done:
			t.Logf("%d starts", starts)
			return
		default:
		}
		p, err := Acquire(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneOfManyHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	var contenders []*process
	pids := map[string]bool{"": true} // a file that is new is empty
	for _, role := range []string{"contender", "contender", "mortal", "mortal"} {
		p := start(t, role, path)
		contenders = append(contenders, p)
		pids[strconv.Itoa(p.cmd.Process.Pid)] = true
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for reads := 0; ; {
			select {
			case <-stop:
				t.Logf("read %d times", reads)
				return
			default:
			}
			if text, ok := readShared(path); ok {
				reads++
				if line, _, whole := strings.Cut(text, "\n"); !pids[line] || !whole && line != "" {
					t.Errorf("a reader finds %q", text)
					return
				}
			}
			if status, err := Probe(path); err != nil || status.PID != 0 && !pids[strconv.Itoa(status.PID)] {
				t.Errorf("a probe finds %v, %v", status, err)
				return
			}
		}
	})
	for _, p := range contenders {
		p.wait()
	}
	close(stop)
	reader.Wait()
	p := mustAcquire(t, path)
	wantContent(t, path, ownLine)
	p.Release()
	wantAbsent(t, path)
}

// readShared reads the file as one who does not keep Windows from removing it.
func readShared(path string) (string, bool) {
	f, err := OS{}.Open(path, Read)
	if err != nil {
		return "", false
	}
	defer f.Close()
	var buf [64]byte
	n, err := f.ReadAt(buf[:], 0)
	return string(buf[:n]), err == nil || err == io.EOF
}

func TestNoNumberOfProbesMakesAStartFail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	var probers []*process
	for range 6 * runtime.NumCPU() {
		p := start(t, "prober", path)
		p.says("probing")
		probers = append(probers, p)
	}
	for round := range 10 {
		write(t, path, "9999999999\n") // so that there is something to probe before the start
		p, err := Acquire(path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		wantContent(t, path, ownLine)
		if err := p.Release(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	for _, p := range probers {
		p.end()
	}
}

func wantStatus(t *testing.T, path string, want Status) {
	t.Helper()
	if got, err := Probe(path); err != nil || got != want {
		t.Errorf("Probe: %v, %v, want %v", got, err, want)
	}
}
