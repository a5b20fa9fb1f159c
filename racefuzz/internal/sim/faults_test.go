package sim

// Proves that a pid file survives every failure of every step: the error is
// clear, nothing is held or open afterwards, no file names a process that does
// not hold it, and nobody else is harmed.

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// failing is a system in which one step fails, and if sticky every later step
// of its kind too. A close that fails has closed nevertheless, and a write has
// written the first byte.
type failing struct {
	lock.System
	armed  bool
	at     int // the step to fail, from 0
	err    error
	sticky bool

	steps  int
	failed string // the kind of step that has failed
}

func (s *failing) step(kind string) error {
	if !s.armed {
		return nil
	}
	s.steps++
	if s.steps-1 != s.at && !(s.sticky && s.failed == kind) {
		return nil
	}
	s.failed = kind
	return &fs.PathError{Op: kind, Path: "pid", Err: s.err}
}

func (s *failing) Open(path string, mode lock.Mode) (lock.File, error) {
	if err := s.step("open"); err != nil {
		return nil, err
	}
	f, err := s.System.Open(path, mode)
	if err != nil {
		return nil, err
	}
	return &failingFile{f, s}, nil
}

func (s *failing) Same(f lock.File, path string) (bool, error) {
	if err := s.step("same"); err != nil {
		return false, err
	}
	return s.System.Same(f.(*failingFile).File, path)
}

func (s *failing) Remove(path string) error {
	if err := s.step("remove"); err != nil {
		return err
	}
	return s.System.Remove(path)
}

func (s *failing) Holds(f lock.File, pid int) bool {
	return s.System.Holds(f.(*failingFile).File, pid)
}

type failingFile struct {
	lock.File
	system *failing
}

func (f *failingFile) TryLock(exclusive bool) error {
	if err := f.system.step("lock"); err != nil {
		return err
	}
	return f.File.TryLock(exclusive)
}

func (f *failingFile) Unlock() error {
	if err := f.system.step("unlock"); err != nil {
		return err
	}
	return f.File.Unlock()
}

func (f *failingFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.system.step("read"); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *failingFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.system.step("write"); err != nil {
		n, _ := f.File.WriteAt(p[:1], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *failingFile) Truncate(size int64) error {
	if err := f.system.step("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *failingFile) Close() error {
	return errors.Join(f.system.step("close"), f.File.Close())
}

// Windows' own errors differ from these only in name, except for those which
// lock.OS takes for passing.
var faults = []error{
	syscall.ENOSPC, syscall.EIO, syscall.EACCES, syscall.EMFILE, syscall.EINTR,
	syscall.ENOLCK, syscall.ENOTSUP, syscall.EROFS, syscall.ESTALE,
	busyError{fs.ErrPermission}, busyError{errSharing},
}

// The processes: one whose steps fail, and another that must not suffer.
const (
	mine   = 101
	others = 202
)

// situation is a call that is made while its steps fail. Others, and what a
// reader finds, are as they were when it is over, whatever happens.
type situation struct {
	name    string
	content string // what a dead process left
	others  bool   // another process is the holder
	mine    bool   // the calling process is the holder
	lost    bool   // the holder's file was replaced by that of the other process
	call    func(sys lock.System, p *lock.PIDFile) (*lock.PIDFile, error)
}

var situations = []situation{
	{name: "acquire", call: acquire},
	{name: "acquire over residue", content: "4242424\n", call: acquire},
	{name: "acquire while held", others: true, call: acquire},
	{name: "probe nothing", call: probe(lock.Absent)},
	{name: "probe residue", content: "4242424\n", call: probe(lock.Stale)},
	{name: "probe while held", others: true, call: probe(lock.Held)},
	{name: "check", mine: true, call: check},
	{name: "check after replacement", mine: true, lost: true, call: check},
	{name: "release", mine: true, call: release},
	{name: "release after replacement", mine: true, lost: true, call: release},
}

func acquire(sys lock.System, _ *lock.PIDFile) (*lock.PIDFile, error) {
	return lock.AcquireOn(sys, "pid")
}

func probe(truth lock.State) func(lock.System, *lock.PIDFile) (*lock.PIDFile, error) {
	return func(sys lock.System, _ *lock.PIDFile) (*lock.PIDFile, error) {
		status, err := lock.ProbeOn(sys, "pid")
		switch {
		case err == nil && status.State != truth:
			return nil, fmt.Errorf("untrue: %v instead of %v", status.State, truth)
		case status.PID == mine:
			return nil, errors.New("untrue: it names the process that asks")
		}
		return nil, err
	}
}

func check(_ lock.System, p *lock.PIDFile) (*lock.PIDFile, error) { return p, p.Check() }

func release(_ lock.System, p *lock.PIDFile) (*lock.PIDFile, error) { return nil, p.Release() }

func TestEveryStepMayFail(t *testing.T) {
	for rules := range Wine + 1 {
		for _, s := range situations {
			if s.lost && rules.pends() {
				continue // nobody can have the name while the lost file is open
			}
			t.Run(rules.String()+"/"+s.name, func(t *testing.T) {
				steps := s.run(t, rules, &failing{at: -1})
				if steps == 0 {
					t.Fatal("no steps to fail")
				}
				for at := range steps {
					for _, fault := range faults {
						s.run(t, rules, &failing{at: at, err: fault})
						s.run(t, rules, &failing{at: at, err: fault, sticky: true})
					}
				}
			})
		}
	}
}

// run makes the call in a new world and judges what it leaves.
func (s situation) run(t *testing.T, rules Rules, sys *failing) (steps int) {
	t.Helper()
	world := New(rules)
	me, other := world.Process(mine), world.Process(others)
	sys.System = me
	must := func(p *lock.PIDFile, err error) *lock.PIDFile {
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if s.content != "" {
		world.Setup([]race.File{{Name: "pid", Kind: race.Regular, Content: s.content}})
	}
	var held *lock.PIDFile
	if s.mine {
		held = must(lock.AcquireOn(sys, "pid"))
	}
	if s.lost {
		if err := other.Remove("pid"); err != nil {
			t.Fatal(err)
		}
	}
	if s.others || s.lost {
		must(lock.AcquireOn(other, "pid"))
	}
	before, _ := world.Content("pid")

	sys.armed = true
	held, err := s.call(sys, held)
	sys.armed = false

	bad := func(format string, args ...any) {
		t.Helper()
		name := "nothing"
		if sys.failed != "" {
			name = fmt.Sprintf("%s (step %d, sticky %v) with %v", sys.failed, sys.at, sys.sticky, sys.err)
		}
		t.Errorf("failing %s: call returned %v: %s", name, err, fmt.Sprintf(format, args...))
	}
	s.judge(bad, sys, err)
	if held == nil && len(me.files) > 0 {
		bad("a file is left open")
	}
	pids, _ := world.Holder("pid")
	if slices.Contains(pids, mine) != (held != nil && !s.lost) {
		bad("the holders are %v", pids)
	}
	text, ok := world.Content("pid")
	switch {
	case slices.Contains(pids, others) || s.content != "" && strings.HasPrefix(s.name, "probe"):
		if text != before {
			bad("content %q, want %q as before", text, before)
		}
	case slices.Contains(pids, mine):
		if text != "101\n" {
			bad("the holder's file says %q", text)
		}
	case ok && strings.HasPrefix(text, "101") && !(sys.sticky && sys.failed == "truncate"):
		bad("the file that is left names the process that gave up: %q", text)
	case ok && sys.failed == "":
		bad("a file is left: %q", text)
	}
	if held != nil {
		if err := held.Release(); err != nil {
			bad("then release: %v", err)
		}
	}
	s.succeed(bad, world, pids)
	return sys.steps
}

// judge says whether the call's error is the right one.
func (s situation) judge(bad func(string, ...any), sys *failing, err error) {
	busy := errors.Is(sys.err, lock.ErrBusy)
	switch {
	case err != nil && strings.HasPrefix(err.Error(), "untrue"):
		bad("want the truth or an error")
	case err != nil && errors.Is(err, sys.err) && sys.failed != "":
		if !strings.Contains(err.Error(), "pid: "+sys.err.Error()) {
			bad("want path and cause in the message")
		}
	case s.others && strings.HasPrefix(s.name, "acquire"):
		if !errors.Is(err, lock.ErrHeld) {
			bad("want ErrHeld")
		}
	case s.lost && s.name == "check after replacement":
		if !errors.Is(err, lock.ErrLost) {
			bad("want ErrLost")
		}
	case err != nil:
		bad("want nil, or the error of the step that failed")
	case sys.failed == "", strings.HasPrefix(s.name, "probe"), busy && !sys.sticky:
		// A probe can do without the pid, and what passes may pass.
	default:
		bad("want the error of the step that failed")
	}
}

// succeed starts a third process: only a holder may be in its way.
func (s situation) succeed(bad func(string, ...any), world *FS, holders []int) {
	p, err := lock.AcquireOn(world.Process(303), "pid")
	if slices.Contains(holders, others) {
		if !errors.Is(err, lock.ErrHeld) {
			bad("then another start beside the holder: %v", err)
		}
		return
	}
	if err != nil {
		bad("then another start: %v", err)
		return
	}
	if text, _ := world.Content("pid"); text != "303\n" {
		bad("then another start finds %q", text)
	}
	p.Release()
	if names := world.Names(); len(names) > 0 {
		bad("names left after the next stop: %q", names)
	}
}
