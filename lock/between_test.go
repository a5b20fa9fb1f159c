package lock

// Proves what only shows when something else happens between two calls of the
// system: what a start, a stop and a probe then find, leave and spare.

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// between is the real system with something that happens before or after calls
// of one kind.
type between struct {
	OS
	calls  []string                // so far
	before func(call string) error // an error is the call's
	after  func(call string)
}

type betweenFile struct {
	File
	sys *between
}

func (s *between) call(name string, do func() error) error {
	s.calls = append(s.calls, name)
	if s.before != nil {
		if err := s.before(name); err != nil {
			return err
		}
	}
	err := do()
	if s.after != nil {
		s.after(name)
	}
	return err
}

func (s *between) Open(path string, mode Mode) (f File, err error) {
	err = s.call("open", func() error {
		f, err = s.OS.Open(path, mode)
		return err
	})
	if err != nil {
		return nil, err
	}
	return betweenFile{f, s}, nil
}

func (s *between) Same(f File, path string) (same bool, err error) {
	err = s.call("same", func() error {
		same, err = s.OS.Same(f.(betweenFile).File, path)
		return err
	})
	return same, err
}

func (s *between) Remove(path string) error {
	return s.call("remove", func() error { return s.OS.Remove(path) })
}

func (s *between) Holds(f File, pid int) bool { return s.OS.Holds(f.(betweenFile).File, pid) }

// Pause lets time pass only where the test says what happens meanwhile.
func (s *between) Pause(n int) bool {
	return n < maxPauses && s.call("pause", func() error { return nil }) == nil
}

func (f betweenFile) TryLock(exclusive bool) error {
	return f.sys.call("lock", func() error { return f.File.TryLock(exclusive) })
}

func (f betweenFile) Unlock() error { return f.sys.call("unlock", f.File.Unlock) }
func (f betweenFile) Close() error  { return f.sys.call("close", f.File.Close) }

// once returns a function that calls do at the first call of that kind.
func once(kind string, do func()) func(call string) {
	return func(call string) {
		if call == kind && do != nil {
			next := do
			do = nil
			next()
		}
	}
}

// busyFor is a before that makes so many removals fail, as a reader does on
// Windows that does not share the file's deletion.
func busyFor(removals int, meanwhile func()) func(call string) error {
	return func(call string) error {
		if call != "remove" || removals == 0 {
			return nil
		}
		removals--
		meanwhile()
		return pathError("remove", "", ErrBusy)
	}
}

func mustAcquireOn(t *testing.T, sys System, path string) *PIDFile {
	t.Helper()
	p, err := AcquireOn(sys, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Release() })
	return p
}

// While the holder still has the lock it tries again, so that the file is gone
// before anybody else can have it.
func TestReleaseOutlastsAShortReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	sys := &between{before: busyFor(maxPauses, func() {})}
	p := mustAcquireOn(t, sys, path)
	if err := p.Release(); err != nil {
		t.Error(err)
	}
	wantAbsent(t, path)
	if last := slices.Index(sys.calls, "unlock"); slices.Contains(sys.calls[last:], "remove") {
		t.Errorf("removed after it was unlocked: %q", sys.calls)
	}
}

// A reader that leaves once the holder has let go keeps nothing behind.
func TestReleaseOutlastsALongReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	sys := &between{before: busyFor(maxPauses+1, func() {})}
	p := mustAcquireOn(t, sys, path)
	if err := p.Release(); err != nil {
		t.Error(err)
	}
	wantAbsent(t, path)
	if last := slices.Index(sys.calls, "unlock"); !slices.Contains(sys.calls[last:], "remove") {
		t.Errorf("the reader was not long enough: %q", sys.calls)
	}
}

// Whoever comes to hold the pid file while a release is kept from removing it
// keeps it, at whichever of the release's calls that happens.
func TestReleaseSparesWhoeverComesMeanwhile(t *testing.T) {
	for _, busy := range []int{0, 1, maxPauses + 1} {
		for at := 0; ; at++ {
			path := filepath.Join(t.TempDir(), "server.pid")
			sys := &between{before: busyFor(busy, func() {})}
			p := mustAcquireOn(t, sys, path)
			var successor *PIDFile
			calls := 0
			sys.after = func(string) {
				if calls++; calls == at+1 {
					successor, _ = AcquireOn(&between{}, path)
				}
			}
			if err := p.Release(); err != nil {
				t.Errorf("%d removals busy, a start after call %d: %v", busy, at, err)
			}
			if successor != nil {
				if err := successor.Check(); err != nil {
					t.Errorf("%d removals busy, a start after call %d, %s: %v", busy, at, sys.calls, err)
				}
				wantContent(t, path, ownLine)
				successor.Release()
			}
			wantAbsent(t, path)
			if calls <= at {
				break
			}
		}
	}
}

// Somebody removes the name while its holder's removal is busy, and another
// start makes a new file: each further try looks first whose file it is.
func TestReleaseLooksBeforeEachTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	if !removesOpenFiles(t) {
		t.Skip("nobody can take the name of an open file here")
	}
	var successor *PIDFile
	p := mustAcquireOn(t, &between{before: busyFor(1, func() {
		if err := (OS{}).Remove(path); err != nil {
			t.Fatal(err)
		}
		successor = mustAcquire(t, path)
	})}, path)
	if err := p.Release(); err != nil {
		t.Error(err)
	}
	if err := successor.Check(); err != nil {
		t.Error(err)
	}
}

// A start that has the lock and has not written yet is waited for.
func TestProbeWaitsForTheHoldersPID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	starter, err := OS{}.Open(path, Create)
	if err != nil {
		t.Fatal(err)
	}
	defer starter.Close()
	if err := starter.TryLock(true); err != nil {
		t.Fatal(err)
	}
	sys := &between{after: once("pause", func() {
		if err := record(starter, os.Getpid()); err != nil {
			t.Error(err)
		}
	})}
	if got, err := ProbeOn(sys, path); err != nil || got != (Status{Held, os.Getpid()}) {
		t.Errorf("Probe: %v, %v, want held by this process", got, err)
	}
}

// Probes in a loop that get the turn whenever they do not wait, as many of them
// do together, wait often enough and without the lock: a start then gets in.
func TestProbesInALoopLeaveRoomForAStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	write(t, path, "42\n")
	var p *PIDFile
	sys := &between{after: once("pause", func() {
		f, err := claim(&between{}, path)
		if err != nil {
			t.Errorf("a start while the probe waits: %v", err)
			return
		}
		p = &PIDFile{sys: OS{}, path: path, file: f.(betweenFile).File}
	})}
	for range 3 {
		if _, err := ProbeOn(sys, path); err != nil {
			t.Fatal(err)
		}
	}
	if p == nil {
		t.Fatal("no probe ever waits")
	}
	p.Release()
}

// What was read while nobody held the file is what a stale file's status says,
// whoever starts right after the probe has let go of it.
func TestProbeReadsWhileNobodyCanStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	write(t, path, "42\n")
	sys := &between{after: once("unlock", func() { mustAcquire(t, path) })}
	if got, err := ProbeOn(sys, path); err != nil || got != (Status{Stale, 42}) {
		t.Errorf("Probe: %v, %v, want stale with pid 42", got, err)
	}
	if !slices.Contains(sys.calls, "unlock") {
		t.Error("the probe did not take the lock")
	}
}

// Whoever comes and goes while a release has let go leaves nothing to remove, and
// nothing to report.
func TestReleaseIsDoneWhereOthersHaveRemovedTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	sys := &between{before: busyFor(maxPauses+1, func() {})}
	p := mustAcquireOn(t, sys, path)
	sys.after = once("open", func() { mustAcquire(t, path).Release() })
	if err := p.Release(); err != nil {
		t.Error(err)
	}
	wantAbsent(t, path)
}

func TestReleaseSaysThatTheFileStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	opens := 0
	p := mustAcquireOn(t, &between{before: func(call string) error {
		if call == "open" {
			opens++
		}
		if call == "remove" || call == "open" && opens > 1 {
			return pathError(call, path, ErrBusy)
		}
		return nil
	}}, path)
	if err := p.Release(); !errors.Is(err, ErrBusy) {
		t.Errorf("Release: %v, want ErrBusy", err)
	}
	wantContent(t, path, "")
}

func TestProbeLooksOnceWhereItIsClear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	once := func(want Status) {
		t.Helper()
		sys := &between{}
		if got, err := ProbeOn(sys, path); err != nil || got != want {
			t.Errorf("Probe: %v, %v, want %v", got, err, want)
		}
		if sys.calls[0] != "open" || slices.Contains(sys.calls[1:], "open") {
			t.Errorf("%v: calls %q, want one look", want, sys.calls)
		}
	}
	once(Status{})
	write(t, path, "42\n")
	once(Status{Stale, 42})
	mustAcquire(t, path)
	once(Status{Held, os.Getpid()})
}

// inContainer is a system in which this process is the first.
type inContainer struct{ *between }

func (inContainer) PID() int                   { return 1 }
func (inContainer) Holds(_ File, pid int) bool { return pid == 1 }

func TestProcess1CanBeTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	sys := inContainer{&between{}}
	mustAcquireOn(t, sys, path)
	if got, err := ProbeOn(sys, path); err != nil || got != (Status{Held, 1}) {
		t.Errorf("Probe: %v, %v, want held by process 1", got, err)
	}
}
