package proc

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
)

// Arena is where cases are run: a directory of its own, which is gone after
// Close and also after this process has been killed.
type Arena struct {
	Dir     string
	Workers int // cases that Fuzz, Repeat and Shrink run at the same time

	sweeper *exec.Cmd
	life    io.Closer
	pulse   *pulse
	dead    int // the id of a process that has ended
	cases   atomic.Int64
}

// Open makes an arena in the system's directory for temporary files.
func Open() (*Arena, error) {
	dir, err := os.MkdirTemp("", "racefuzz-")
	if err != nil {
		return nil, err
	}
	a := &Arena{Dir: dir, Workers: Workers()}
	if err := a.open(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	a.pulse = newPulse()
	return a, nil
}

func (a *Arena) open() error {
	cmd, err := again("sweeper", a.Dir)
	if err != nil {
		return err
	}
	apart(cmd)
	if a.life, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	a.sweeper = cmd
	if err := enclose(); err != nil {
		return err
	}
	ended, err := again("helper")
	if err != nil {
		return err
	}
	if err := ended.Run(); err != nil {
		return fmt.Errorf("starting this program again: %w", err)
	}
	a.dead = ended.Process.Pid
	return nil
}

// Close removes the arena. No case may be running.
func (a *Arena) Close() error {
	a.pulse.close()
	a.life.Close()
	return a.sweeper.Wait()
}

// caseDir makes the directory of one more case.
func (a *Arena) caseDir() (string, error) {
	dir := filepath.Join(a.Dir, strconv.FormatInt(a.cases.Add(1), 10))
	return dir, os.Mkdir(dir, 0o700)
}
