package proc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// StandIn is a server small enough to be understood at a glance, that stands
// in for the shipped one: the same tools, pid file, barrier, commands and
// exit codes, on a store of lines. With nothing wrong it is the control of
// its mutants.
type StandIn struct {
	Name   string
	Bug    string
	Source string
	Breaks []race.Invariant

	Acquire func(path string) (Holder, error)
	Probe   func(path string) (lock.Status, error)
	Habits  Habits
}

// Holder is a held pid file. A [*lock.PIDFile] is one.
type Holder interface {
	Check() error
	Release() error
}

// Habits are what a server may do wrong apart from its pid file.
type Habits struct {
	ForgetsLosers     bool // a server that was refused does not ask again
	OutlivesHost      bool // neither the end of input nor that of its host ends it
	ExitsInHandler    bool // a signal ends it with a request in hand
	Helper            bool // it starts a program that lives on, and that inherits what it has open
	ProbesThenDeletes bool // uninstall asks once and then takes its time
	DeletesPIDFile    bool // uninstall removes the pid file by its name
	RemovesInParts    bool // uninstall takes one file after the other, and looks for the first
}

// Target returns s as a target.
func (s StandIn) Target() Target {
	return Target{Name: s.Name, Probe: s.Probe}
}

const (
	standInTick   = 200 * time.Millisecond
	standInHost   = 300 * time.Millisecond
	standInLinger = 25 * time.Millisecond
)

func (s StandIn) main() int {
	p, err := s.places()
	if err != nil {
		return standInFail(err)
	}
	switch args := os.Args[1:]; {
	case len(args) == 0:
		return s.serve(p)
	case args[0] == "status":
		return s.status(p)
	case args[0] == "uninstall":
		return s.uninstall(p, slices.Contains(args, "--force"))
	}
	return standInFail(errors.New("no such command"))
}

func standInFail(err error) int {
	fmt.Fprintln(os.Stderr, "stand-in: error:", err)
	return 2
}

// places are the paths of a stand-in.
type places struct{ pidFile, home, store string }

func (s StandIn) places() (places, error) {
	dir, home := os.Getenv("MEMLATCH_RUNTIME_DIR"), os.Getenv("MEMLATCH_HOME")
	info, err := os.Lstat(dir)
	if err != nil {
		return places{}, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return places{}, fmt.Errorf("%s is open to others", dir)
	}
	return places{filepath.Join(dir, race.PIDFile), home, filepath.Join(home, "store")}, nil
}

// standInServer is a stand-in that serves.
type standInServer struct {
	StandIn
	places
	barrier *lock.Barrier // nil while the store is closed

	mu     sync.Mutex
	holder Holder // nil in a standby
}

func (s StandIn) serve(p places) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, stopSignals...)
	v := &standInServer{StandIn: s, places: p}
	if err := v.claim(); err != nil {
		return standInFail(err)
	}
	if s.Habits.Helper {
		if err := v.startHelper(); err != nil {
			return standInFail(err)
		}
	}
	v.loop(signals)
	if v.barrier != nil {
		v.barrier.Release()
	}
	v.release()
	// The end of an interpreter takes its time, and signals come all the same.
	lingered := time.After(standInLinger)
	for {
		select {
		case <-signals:
			v.release()
		case <-lingered:
			return 0
		}
	}
}

// claim tries to become the holder. That somebody else is it is no error.
func (v *standInServer) claim() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	h, err := v.Acquire(v.pidFile)
	if errors.Is(err, lock.ErrHeld) {
		return nil
	}
	v.holder = h
	return err
}

func (v *standInServer) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.holder != nil {
		v.holder.Release()
	}
}

// tend makes the claim good: a standby tries again, and a holder whose file
// was removed does so too.
func (v *standInServer) tend() {
	v.mu.Lock()
	h := v.holder
	if h != nil && errors.Is(h.Check(), lock.ErrLost) {
		h.Release()
		v.holder, h = nil, nil
	}
	v.mu.Unlock()
	if h == nil && !v.Habits.ForgetsLosers {
		v.claim()
	}
}

// loop answers until it is time to stop.
func (v *standInServer) loop(signals <-chan os.Signal) {
	lines, host := make(chan []byte), os.Getppid()
	go func() {
		r := bufio.NewReader(os.Stdin)
		for {
			if r.Buffered() == 0 {
				lines <- nil // all that was read has been delivered
			}
			line, err := r.ReadBytes('\n')
			if err != nil {
				close(lines)
				return
			}
			lines <- line
		}
	}()
	if v.Habits.ExitsInHandler {
		caught := signals
		signals = nil
		go func() {
			<-caught
			v.release()
			os.Exit(0)
		}()
	}
	tick := time.NewTicker(standInTick + rand.N(standInTick/4))
	watch := time.NewTicker(standInHost)
	idle, stopping := false, false
	for !stopping || !idle {
		select {
		case line, more := <-lines:
			switch idle = line == nil; {
			case line != nil:
				v.answer(line)
			case !more && v.Habits.OutlivesHost:
				lines = nil
			case !more:
				return
			}
		case <-signals:
			stopping = true
		case <-watch.C:
			stopping = stopping || !v.Habits.OutlivesHost && hostEnded(host)
		case <-tick.C:
			v.tend()
		}
	}
}

func (s StandIn) status(p places) int {
	status, err := s.Probe(p.pidFile)
	if err != nil {
		return standInFail(err)
	}
	json.NewEncoder(os.Stdout).Encode(standInAnswer(status))
	if status.State != lock.Held {
		return 3
	}
	return 0
}

// startHelper starts a program that lives on and inherits the pid file.
func (v *standInServer) startHelper() error {
	inheritable(v.pidFile)
	cmd, err := again("helper")
	if err != nil {
		return err
	}
	cmd.Args = append(cmd.Args, "stay")
	return cmd.Start()
}

// help is a helper: one that stays does so until its group ends.
func help() int {
	if len(os.Args) > 1 {
		time.Sleep(time.Hour)
	}
	return 0
}
