//go:build linux || darwin

package lock

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkAcquireRelease also reports how many times as long it takes as the
// system calls that it makes, which are made alternately with it so that both
// meet the same disturbances, and compared by their medians.
func BenchmarkAcquireRelease(b *testing.B) {
	path := filepath.Join(b.TempDir(), "server.pid")
	var held, bare []time.Duration
	for b.Loop() {
		began := time.Now()
		p, err := Acquire(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Release(); err != nil {
			b.Fatal(err)
		}
		held = append(held, time.Since(began))

		b.StopTimer()
		began = time.Now()
		if err := bareCalls(path); err != nil {
			b.Fatal(err)
		}
		bare = append(bare, time.Since(began))
		b.StartTimer()
	}
	b.ReportMetric(float64(median(held))/float64(median(bare)), "x-bare-calls")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// bareCalls makes the system calls of Acquire and Release.
func bareCalls(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	line := append(strconv.AppendInt(nil, int64(os.Getpid()), 10), '\n')
	var st unix.Stat_t
	for _, call := range []func() error{
		func() error { return unix.Fstat(fd, &st) },
		func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) },
		func() error { return unix.Lstat(path, &st) },
		func() error { _, err := unix.Pwrite(fd, line, 0); return err },
		func() error { return unix.Ftruncate(fd, int64(len(line))) },
		func() error { return unix.Lstat(path, &st) },
		func() error { return unix.Unlink(path) },
		func() error { return unix.Ftruncate(fd, 0) },
		func() error { return unix.Flock(fd, unix.LOCK_UN) },
	} {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkProbeHeld(b *testing.B) {
	path := filepath.Join(b.TempDir(), "server.pid")
	p, err := Acquire(path)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Release()
	for b.Loop() {
		if _, err := Probe(path); err != nil {
			b.Fatal(err)
		}
	}
}
