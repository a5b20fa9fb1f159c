package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// largestSaved is far more than any saved case takes, in bytes.
const largestSaved = 8 << 20

// load reads a saved case.
func load(path string) (race.Recording, error) {
	data, err := readRegular(path, largestSaved)
	if err != nil {
		return race.Recording{}, err
	}
	r, err := race.ParseRecording(data)
	if err == nil {
		err = program.Check(r.Case)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// readRegular reads a file that somebody else may have made. It does not wait
// for one that is a FIFO.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	case info.Size() > limit:
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%d MB, more than any saved case has", info.Size()>>20)}
	}
	return os.ReadFile(path)
}

// save writes f under name in the directory for what breaks, and notes where
// it is and how it is replayed.
func (c *common) save(f *finding, name string, lanes string) error {
	if err := os.MkdirAll(c.saveDir, 0o755); err != nil {
		return err
	}
	f.saved = filepath.Join(c.saveDir, name+".txtar")
	f.Replay = c.replayCommand(f.saved)
	r := race.Recording{Case: f.Case, Schedule: race.ScheduleOf(f.Events), Verdict: f.Verdict, Lanes: lanes}
	return os.WriteFile(f.saved, r.Format(), 0o644)
}

// writable says why what is found could not be written where it is to go, while
// nothing is lost by it yet.
func (c *common) writable() error {
	var errs []error
	if c.replay == "" {
		dir := c.saveDir
		for _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
			dir = filepath.Dir(dir)
		}
		errs = append(errs, tryToWrite("-save", dir))
	}
	if c.html != "" {
		errs = append(errs, tryToWrite("-html", filepath.Dir(c.html)))
	}
	return errors.Join(errs...)
}

// writes are the absolute paths of where what is found goes.
func (c *common) writes() (paths []string) {
	for _, path := range []string{c.saveDir, c.html} {
		if full, err := filepath.Abs(path); err == nil && path != "" {
			paths = append(paths, full)
		}
	}
	return paths
}

func tryToWrite(flag, dir string) error {
	f, err := os.CreateTemp(dir, ".racefuzz-")
	if err != nil {
		return &problem{fmt.Errorf("%s: %w", flag, err), "name a place that can be written to"}
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// replayCommand is what a person can type to run a saved case again.
func (c *common) replayCommand(path string) string {
	program := word(os.Args[0])
	if self, err := os.Executable(); err == nil && strings.Contains(self, "go-build") {
		program = "go run github.com/memlatch/memlatch/racefuzz"
	}
	program += " " + replayMode
	if c.server != "" {
		program += " -server " + word(c.server)
	}
	return program + " " + word(relative(path))
}
