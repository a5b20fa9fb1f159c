package proc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/race"
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
	return Target{Name: s.Name, Bug: s.Bug, Source: s.Source, Breaks: s.Breaks, Probe: s.Probe}
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
			stopping = stopping || !v.Habits.OutlivesHost && os.Getppid() != host
		case <-tick.C:
			v.tend()
		}
	}
}

// answer answers one line.
func (v *standInServer) answer(line []byte) {
	var request struct {
		ID     *int
		Method string
		Params struct {
			Name      string
			Arguments struct{ Text string }
		}
	}
	if json.Unmarshal(line, &request) != nil || request.ID == nil {
		return
	}
	runtime.GC() // what nobody refers to is gone by the next request
	var result any = map[string]any{"protocolVersion": "2025-06-18", "serverInfo": map[string]any{"name": v.Name}}
	if request.Method == "tools/call" {
		content, err := v.tool(request.Params.Name, request.Params.Arguments.Text)
		result = map[string]any{"structuredContent": content}
		if err != nil {
			result = map[string]any{"isError": true, "content": []any{map[string]any{"text": err.Error()}}}
		}
	}
	reply, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": *request.ID, "result": result})
	os.Stdout.Write(append(reply, '\n'))
}

func (v *standInServer) tool(name, text string) (any, error) {
	switch name {
	case "mem_status":
		return v.role()
	case "mem_add":
		return map[string]any{}, v.add(text)
	case "mem_list":
		return v.list()
	}
	return nil, fmt.Errorf("no tool %q", name)
}

func (v *standInServer) role() (any, error) {
	v.mu.Lock()
	role := standby
	if v.holder != nil {
		role = holder
	}
	v.mu.Unlock()
	recorded, err := v.Probe(v.pidFile)
	return map[string]any{"role": role, "recorded": standInAnswer(recorded)}, err
}

func standInAnswer(s lock.Status) any { return map[string]any{"state": s.State.String(), "pid": s.PID} }

// The files of a store. The second is there for it to be more than one file.
const (
	standInData  = "memories.db"
	standInIndex = "memories.db-wal"
	standInLock  = "store.lock"
	standInAside = "store.removing-"
)

// open opens the store for good.
func (v *standInServer) open() error {
	for v.barrier == nil {
		if err := os.MkdirAll(v.store, 0o700); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		b, err := lock.Share(ctx, filepath.Join(v.store, standInLock))
		cancel()
		if errors.Is(err, fs.ErrNotExist) {
			continue // an uninstall has just moved the directory away
		}
		if err != nil {
			return err
		}
		v.barrier = b
	}
	return nil
}

func (v *standInServer) add(text string) error {
	if err := v.open(); err != nil {
		return err
	}
	for _, name := range []string{standInIndex, standInData} {
		f, err := os.OpenFile(filepath.Join(v.store, name), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text + "\n")
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (v *standInServer) list() (any, error) {
	memories := []any{}
	f, err := os.Open(filepath.Join(v.store, standInData))
	if err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			memories = append(memories, map[string]any{"text": lines.Text()})
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return map[string]any{"memories": memories}, err
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

func (s StandIn) uninstall(p places, force bool) int {
	var err error
	switch h := s.Habits; {
	case h.ProbesThenDeletes:
		err = s.probeThenDelete(p)
	case h.RemovesInParts:
		err = s.alone(p, force, func() error { return removeInParts(p) })
	case h.DeletesPIDFile:
		err = s.probeAround(p)
	default:
		err = s.alone(p, force, func() error { return removeWhole(p) })
	}
	if err != nil {
		return standInFail(err)
	}
	fmt.Println("removed", p.store)
	return 0
}

// alone removes the store while neither a server nor a user of the store can
// be there.
func (s StandIn) alone(p places, force bool, remove func() error) error {
	h, err := s.Acquire(p.pidFile)
	if err == nil {
		defer h.Release()
	} else if !errors.Is(err, lock.ErrHeld) || !force {
		return err
	}
	return excluded(p, remove)
}

func excluded(p places, remove func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	b, err := lock.Exclude(ctx, filepath.Join(p.store, standInLock))
	if err == nil {
		defer b.Release()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return remove()
}

// removeWhole moves the store aside with one rename, makes sure of that, and
// deletes what it and its interrupted predecessors have moved.
func removeWhole(p places) error {
	err := os.Rename(p.store, filepath.Join(p.home, standInAside+fmt.Sprint(os.Getpid())))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	syncDir(p.home)
	aside, _ := filepath.Glob(filepath.Join(p.home, standInAside+"*"))
	for _, dir := range aside {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	os.Remove(p.home) // unless there is something else in it
	return nil
}

// syncDir makes a rename in dir last, where directories can be synced.
func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
}

func (s StandIn) unheld(p places) error {
	status, err := s.Probe(p.pidFile)
	if err == nil && status.State == lock.Held {
		err = &lock.HeldError{Path: p.pidFile, PID: status.PID}
	}
	return err
}

// probeThenDelete asks whether a server runs and acts on the answer.
func (s StandIn) probeThenDelete(p places) error {
	if err := s.unheld(p); err != nil {
		return err
	}
	return removeWhole(p)
}

// probeAround asks whether a server runs, and in the end removes the pid file
// that was stale when it asked.
func (s StandIn) probeAround(p places) error {
	if err := s.unheld(p); err != nil {
		return err
	}
	err := excluded(p, func() error { return removeWhole(p) })
	if removed := os.Remove(p.pidFile); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// removeInParts moves file by file, as across file systems, by copying.
func removeInParts(p places) error {
	if _, err := os.Stat(filepath.Join(p.store, standInData)); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing to remove
	}
	trash, err := os.MkdirTemp(filepath.Dir(p.home), "trash-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(trash)
	for _, name := range []string{standInData, standInIndex, standInLock} {
		if err := moveByCopying(filepath.Join(p.store, name), filepath.Join(trash, name)); err != nil {
			return err
		}
	}
	return errors.Join(os.Remove(p.store), os.Remove(p.home))
}

func moveByCopying(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close(), os.Remove(from))
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
