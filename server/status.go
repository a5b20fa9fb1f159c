package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/memlatch/memlatch/lock"
)

// report is what 'memlatch status -json' prints.
type report struct {
	Running bool        `json:"running"`
	PID     int         `json:"pid"`            // of the recorded server, 0 if not known
	Role    string      `json:"role,omitempty"` // of the recorded server
	State   string      `json:"state"`          // of the pid file: held, stale or absent
	PIDFile string      `json:"pid_file"`
	Store   storeStatus `json:"store"`
	Problem string      `json:"problem,omitempty"` // why the store cannot be read
}

func (c command) status() (int, error) {
	flags := c.flags()
	asJSON := flags.Bool("json", false, "")
	place, err := c.parse(flags)
	if err != nil {
		return exitRefused, err
	}
	path, found, err := recorded(place)
	if err != nil {
		return exitRefused, err
	}
	r := report{State: found.State.String(), PID: found.PID, PIDFile: path, Running: found.State == lock.Held}
	if r.Running {
		r.Role = "holder"
	}
	s := newStore(place)
	r.Store, err = s.status(context.Background())
	if err = errors.Join(err, s.close()); err != nil {
		r.Problem = explain(err)
	}
	r.Store.Open = false // it was for a moment, here
	if *asJSON {
		json.NewEncoder(c.stdout).Encode(r)
	} else {
		r.print(c.stdout)
	}
	if !r.Running {
		return exitStopped, nil
	}
	return exitOK, nil
}

func (r report) print(w io.Writer) {
	if r.Running {
		fmt.Fprintf(w, "running, %s (%s)\n", pidText(r.PID), r.Role)
	} else {
		fmt.Fprintln(w, "not running")
	}
	fmt.Fprintf(w, "pid file: %s (%s)\n", r.PIDFile, r.State)
	switch {
	case r.Problem != "":
		fmt.Fprintf(w, "store: %s (%s)\n", r.Store.Path, r.Problem)
	case !r.Store.Exists:
		fmt.Fprintf(w, "store: %s (none yet)\n", r.Store.Path)
	default:
		fmt.Fprintf(w, "store: %s (%s, %d bytes)\n", r.Store.Path, howMany(r.Store.Memories), r.Store.Bytes)
	}
}

func pidText(pid int) string {
	if pid == 0 {
		return "pid unknown"
	}
	return fmt.Sprintf("pid %d", pid)
}

// howMany says n memories.
func howMany(n int64) string {
	if n == 1 {
		return "1 memory"
	}
	return fmt.Sprintf("%d memories", n)
}

// recorded looks for the recorded server in every directory where its pid
// file may be. Where nobody is, it returns the file that a server started
// here would use, or a stale one that was found.
func recorded(p place) (path string, status lock.Status, err error) {
	dir := runtimeDirs()[0]
	path = filepath.Join(dir, p.pidName)
	if err := private(runtimeKind, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", status, err
	}
	for _, candidate := range p.pidFiles() {
		found, err := lock.Probe(candidate)
		if err != nil {
			return "", lock.Status{}, err
		}
		if found.State > status.State {
			path, status = candidate, found
		}
	}
	return path, status, nil
}

// pidFiles lists where a server of this store may be recorded: in the runtime
// directories that are there, and safe to use.
func (p place) pidFiles() (paths []string) {
	for _, dir := range runtimeDirs() {
		if private(runtimeKind, dir) == nil {
			paths = append(paths, filepath.Join(dir, p.pidName))
		}
	}
	return paths
}
