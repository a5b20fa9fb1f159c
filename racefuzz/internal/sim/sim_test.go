package sim

// Proves what the differential test cannot show: what a scheduler asks of the
// file system, under each of the rules.

import (
	"errors"
	"os"
	"testing"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestPIDFileRunsUnderAllRules(t *testing.T) {
	for rules := range Wine + 1 {
		t.Run(rules.String(), func(t *testing.T) {
			s := New(rules)
			a, b := s.Process(101), s.Process(102)
			held, err := lock.AcquireOn(a, "server.pid")
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := s.Content("server.pid"); got != "101\n" || !ok {
				t.Errorf("content %q, %v", got, ok)
			}
			if pids, shared := s.Holder("server.pid"); len(pids) != 1 || pids[0] != 101 || shared {
				t.Errorf("holders %v, shared %v", pids, shared)
			}
			var refusal *lock.HeldError
			if _, err := lock.AcquireOn(b, "server.pid"); !errors.As(err, &refusal) || refusal.PID != 101 {
				t.Errorf("second acquire: %v", err)
			}
			if status, err := lock.ProbeOn(b, "server.pid"); err != nil || status != (lock.Status{State: lock.Held, PID: 101}) {
				t.Errorf("probe: %v, %v", status, err)
			}
			if err := held.Release(); err != nil {
				t.Error(err)
			}
			if names := s.Names(); len(names) > 0 {
				t.Errorf("left over: %v", names)
			}
		})
	}
}

func TestRefusedProcessWaitsUntilAnotherChangesSomething(t *testing.T) {
	s := New(POSIX)
	a, b, c := s.Process(101), s.Process(102), s.Process(103)
	held, waiting, other := open(t, a), open(t, b), open(t, c)
	mustLock(t, held)
	refuse := func() {
		t.Helper()
		if err := waiting.TryLock(true); err != lock.ErrRefused {
			t.Fatalf("lock: %v, want a refusal", err)
		}
		if b.Parked() {
			t.Fatal("parked before it called Pause")
		}
		if !b.Pause(0) {
			t.Fatal("the first Pause gives up")
		}
	}
	wants := func(parked bool, after string) {
		t.Helper()
		if b.Parked() != parked {
			t.Errorf("parked is %v after %s", !parked, after)
		}
	}
	refuse()
	wants(true, "Pause")
	if err := other.TryLock(false); err != lock.ErrRefused {
		t.Fatal(err)
	}
	wants(true, "another's refusal")
	if _, err := held.WriteAt([]byte("101\n"), 0); err != nil {
		t.Fatal(err)
	}
	wants(false, "another's write")
	refuse()
	wants(true, "the next refusal")
	a.Die()
	wants(false, "the holder's death")
	mustLock(t, waiting)
	wants(false, "its own move")
}

func TestPauseGivesUpAfterFewTries(t *testing.T) {
	p := New(POSIX).Process(101)
	n := 0
	for p.Pause(n) {
		n++
	}
	if n != tries {
		t.Errorf("Pause gave up after %d tries, want %d", n, tries)
	}
}

func TestDeathClosesFilesAndSilencesTheProcess(t *testing.T) {
	for rules := range Wine + 1 {
		s := New(rules)
		a, b := s.Process(101), s.Process(102)
		f := open(t, a)
		mustLock(t, f)
		if _, err := f.WriteAt([]byte("101\n"), 0); err != nil {
			t.Fatal(err)
		}
		a.Die()
		before := s.Fingerprint()
		if err := f.TryLock(true); !errors.Is(err, errDied) {
			t.Errorf("%v: a dead process locks: %v", rules, err)
		}
		if err := a.Remove("pid"); !errors.Is(err, errDied) {
			t.Errorf("%v: a dead process removes: %v", rules, err)
		}
		if _, err := lock.AcquireOn(a, "pid"); !errors.Is(err, errDied) {
			t.Errorf("%v: a dead process acquires: %v", rules, err)
		}
		a.Die()
		if s.Fingerprint() != before {
			t.Errorf("%v: a dead process changes something", rules)
		}
		if pids, _ := s.Holder("pid"); len(pids) > 0 || b.Signal(101) == nil || b.Holds(open(t, b), 101) {
			t.Errorf("%v: the dead process still holds", rules)
		}
		if text, _ := s.Content("pid"); text != "101\n" {
			t.Errorf("%v: a death left %q, want what the process wrote", rules, text)
		}
	}
}

func TestNumberOfAFileThatIsGoneIsGivenToTheNext(t *testing.T) {
	p := New(POSIX).Process(101)
	f := open(t, p)
	if err := p.Remove("pid"); err != nil {
		t.Fatal(err)
	}
	kept := open(t, p)
	if same, _ := p.Same(f, "pid"); same {
		t.Error("the number is given away while the file is open")
	}
	f.Close()
	kept.Close()
	if err := p.Remove("pid"); err != nil {
		t.Fatal(err)
	}
	open(t, p)
	if same, _ := p.Same(f, "pid"); !same {
		t.Error("the number is not given to the next file")
	}
}

func TestRemovedNameStaysWhereTheRulesSaySo(t *testing.T) {
	tests := []struct {
		rules            Rules
		named, openable  bool
		removedWithOther bool // while another has it open without sharing deletion
	}{
		{POSIX, false, true, true},
		{Windows, false, true, false},
		{WindowsLegacy, true, false, false},
		{Wine, true, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.rules.String(), func(t *testing.T) {
			s := New(tt.rules)
			a, b := s.Process(101), s.Process(102)
			f := open(t, a)
			reader, err := b.OpenFile("pid", os.O_RDONLY)
			if err != nil {
				t.Fatal(err)
			}
			err = a.Remove("pid")
			if tt.removedWithOther != (err == nil) || err != nil && !errors.Is(err, lock.ErrBusy) {
				t.Errorf("removing what a plain reader has open: %v", err)
			}
			reader.Close()
			if err != nil {
				if err := a.Remove("pid"); err != nil {
					t.Errorf("removing it after the reader: %v", err)
				}
			}
			if named := len(s.Names()) > 0; named != tt.named {
				t.Errorf("the name is there: %v, want %v", named, tt.named)
			}
			again, err := b.Open("pid", lock.Create)
			if tt.openable != (err == nil) || err != nil && !errors.Is(err, lock.ErrBusy) {
				t.Errorf("opening it again: %v", err)
			}
			if err == nil {
				again.Close()
				b.Remove("pid")
			}
			f.Close()
			if names := s.Names(); len(names) > 0 {
				t.Errorf("%q after the last close", names)
			}
		})
	}
}

func TestLockOnTheContentHidesItUnderWindowsRules(t *testing.T) {
	for rules := range Wine + 1 {
		t.Run(rules.String(), func(t *testing.T) {
			s := New(rules)
			s.Setup([]race.File{{Name: "pid", Kind: race.Regular, Content: "101\n"}})
			f, other := open(t, s.Process(101)), open(t, s.Process(102))
			err := f.(rangeLocker).TryLockRange(0, 1, true)
			if rules == POSIX {
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("range lock: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			hidden := rules != Wine
			if _, ok := s.Content("pid"); ok == hidden {
				t.Errorf("a reader finds the content: %v", ok)
			}
			if _, err := other.ReadAt(make([]byte, 4), 0); (err != nil) != hidden {
				t.Errorf("read: %v", err)
			}
			if _, err := f.ReadAt(make([]byte, 4), 0); err != nil {
				t.Errorf("its owner reads: %v", err)
			}
			if _, err := other.WriteAt([]byte("x"), 0); (err != nil) != hidden {
				t.Errorf("write: %v", err)
			}
		})
	}
}

// 1. A stops while B has the file open, so that its name stays. 2. B locks it.
// 3. A starts again. It must not be told that A itself is the holder.
func TestReleasedFileNamesNobodyWhileItsNameStays(t *testing.T) {
	s := New(Wine)
	a, b := s.Process(101), s.Process(102)
	held, err := lock.AcquireOn(a, "pid")
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, b)
	if err := held.Release(); err != nil { // 1
		t.Fatal(err)
	}
	mustLock(t, f)                    // 2
	_, err = lock.AcquireOn(a, "pid") // 3
	var refusal *lock.HeldError
	if !errors.As(err, &refusal) || refusal.PID != 0 {
		t.Errorf("start beside a holder that has not written yet: %v", err)
	}
}

// The same state is reached in different orders, and states that differ in one
// thing are made one by one.
func TestFingerprintTellsStatesApart(t *testing.T) {
	states := map[uint64]string{}
	state := func(name string, build func(a, b *Process)) uint64 {
		s := New(Windows)
		build(s.Process(101), s.Process(102))
		h := s.Fingerprint()
		if other, taken := states[h]; taken {
			t.Errorf("%q has the fingerprint of %q", name, other)
		}
		states[h] = name
		return h
	}
	write := func(f lock.File, text string) { f.WriteAt([]byte(text), 0) }
	state("nothing", func(a, b *Process) {})
	state("a died", func(a, b *Process) { a.Die() })
	state("a open", func(a, b *Process) { open(t, a) })
	state("b open", func(a, b *Process) { open(t, b) })
	state("a open, content", func(a, b *Process) { write(open(t, a), "101\n") })
	state("a locked", func(a, b *Process) { mustLock(t, open(t, a)) })
	state("a shared", func(a, b *Process) { open(t, a).TryLock(false) })
	state("a removed", func(a, b *Process) { open(t, a); a.Remove("pid") })
	state("a removed, closed", func(a, b *Process) { open(t, a).Close(); b.Link("pid", "other"); a.Remove("pid") })
	state("a waits", func(a, b *Process) { mustLock(t, open(t, b)); open(t, a).TryLock(true); a.Pause(0) })
	state("a waited", func(a, b *Process) {
		f := open(t, b)
		mustLock(t, f)
		open(t, a).TryLock(true)
		a.Pause(0)
		write(f, "")
	})
	state("b younger than the file", func(a, b *Process) {
		open(t, a).Close()
		b.Die()
		b.fs.Process(102)
	})
	state("b older than the file", func(a, b *Process) {
		b.Die()
		b.fs.Process(102)
		open(t, a).Close()
	})

	removed := func(remove bool) uint64 {
		s := New(WindowsLegacy)
		p := s.Process(101)
		open(t, p)
		if remove {
			p.Remove("pid")
		}
		return s.Fingerprint()
	}
	if removed(true) == removed(false) {
		t.Error("a pending removal does not show in the fingerprint")
	}
	order := func(first, second int) uint64 {
		s := New(POSIX)
		p := map[int]*Process{101: s.Process(101), 102: s.Process(102)}
		open(t, p[first])
		open(t, p[second])
		return s.Fingerprint()
	}
	if order(101, 102) != order(102, 101) {
		t.Error("the order of two opens changes the fingerprint")
	}
	s := New(Windows)
	open(t, s.Process(101))
	before := s.Fingerprint()
	s.Reset()
	open(t, s.Process(101))
	if s.Fingerprint() != before {
		t.Error("Reset changes the fingerprint of what comes after")
	}
}

func open(t *testing.T, p *Process) lock.File {
	t.Helper()
	f, err := p.Open("pid", lock.Create)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustLock(t *testing.T, f lock.File) {
	t.Helper()
	if err := f.TryLock(true); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkAcquireRelease(b *testing.B) {
	s := New(POSIX)
	for b.Loop() {
		p := s.Process(101)
		held, err := lock.AcquireOn(p, "server.pid")
		if err != nil {
			b.Fatal(err)
		}
		if err := held.Release(); err != nil {
			b.Fatal(err)
		}
		s.Fingerprint()
		s.Reset()
	}
}

func TestResetLeavesNoTrace(t *testing.T) {
	for rules := range Wine + 1 {
		world := New(rules)
		fresh := func() uint64 {
			world.Reset()
			world.Setup([]race.File{{Name: "a", Kind: race.Regular}})
			world.Process(mine)
			return world.Fingerprint()
		}
		want := fresh()
		world.Setup([]race.File{{Name: "b", Kind: race.Regular}, {Name: "c", Kind: race.Regular}})
		if got := fresh(); got != want {
			t.Errorf("%s: after Reset the fingerprint is %x, at first it was %x", rules, got, want)
		}
	}
}
