package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/memlatch/memlatch/lock"
)

// pidFile measures what it costs to take a pid file and to give it back.
func pidFile(ctx context.Context, t *table, c contestants) error {
	const name = "pid file taken and given back"
	ratios, err := bareRatios(ctx, filepath.Join(filepath.Dir(c.dir), "lock.test"))
	if err != nil {
		return err
	}
	if len(ratios) > 0 {
		t.add(newRow(name, "its bare system calls", "", median(ratios), 1, 1.15))
	}
	home, err := c.home()
	if err != nil {
		return err
	}
	var ours, theirs []float64
	for range rounds {
		d, err := repeated(filepath.Join(home, "ours.pid"), takeOurs)
		if err != nil {
			return err
		}
		ours = append(ours, d)
		if d, err = repeated(filepath.Join(home, "theirs.pid"), takeTheirs); err != nil {
			return err
		}
		theirs = append(theirs, d)
	}
	t.add(newRow(name, "gofrs/flock, os.WriteFile, os.Remove", "µs", median(ours), median(theirs), 0))
	return nil
}

// bareRatios runs package lock's own benchmark, which is not there for every
// system, and returns what it says of its bare system calls.
func bareRatios(ctx context.Context, program string) (ratios []float64, err error) {
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "github.com/memlatch/memlatch/lock").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	for range rounds {
		out, err := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^BenchmarkAcquireRelease$", "-test.benchtime=500x").CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
		fields := strings.Fields(string(out))
		if i := slices.Index(fields, "x-bare-calls"); i > 0 {
			ratio, err := strconv.ParseFloat(fields[i-1], 64)
			if err != nil {
				return nil, err
			}
			ratios = append(ratios, ratio)
		}
	}
	return ratios, nil
}

const takes = 2000

// repeated returns the time that take takes, in µs.
func repeated(path string, take func(string) error) (float64, error) {
	began := time.Now()
	for range takes {
		if err := take(path); err != nil {
			return 0, err
		}
	}
	return milliseconds(time.Since(began)) * 1000 / takes, nil
}

func takeOurs(path string) error {
	p, err := lock.Acquire(path)
	if err != nil {
		return err
	}
	return p.Release()
}

// takeTheirs is what a program does that has a library for the lock alone.
func takeTheirs(path string) error {
	f := flock.New(path)
	if locked, err := f.TryLock(); err != nil || !locked {
		return fmt.Errorf("not locked: %w", err)
	}
	err := os.WriteFile(path, fmt.Appendln(nil, os.Getpid()), 0o600)
	return errors.Join(err, os.Remove(path), f.Unlock())
}
