package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
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
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if err := parseFlags(flags, c.args); err != nil {
		return exitRefused, err
	}
	place, err := find()
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
func recorded(p place) (string, lock.Status, error) {
	var path string
	var status lock.Status
	for i, dir := range runtimeDirs() {
		candidate := filepath.Join(dir, p.pidName)
		found, err := probeIn(dir, candidate)
		var unsafe *problem
		if errors.As(err, &unsafe) && i > 0 {
			continue // no server of ours uses it
		}
		if err != nil {
			return "", lock.Status{}, err
		}
		if i == 0 || found.State > status.State {
			path, status = candidate, found
		}
	}
	return path, status, nil
}

func probeIn(dir, path string) (lock.Status, error) {
	err := private(runtimeKind, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return lock.Status{}, nil
	}
	if err != nil {
		return lock.Status{}, err
	}
	return lock.Probe(path)
}

// parseFlags parses all of args as flags.
func parseFlags(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err == nil {
		return nil
	}
	return &problem{what: flags.Name() + ": " + err.Error(), hint: "run 'memlatch help' for the commands"}
}
