package stage

// Proves that tries without a scheduler would see what comes of calls that
// fail, if any did.

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// failing is a system in which one call fails, once. A write that fails has
// written the first byte.
type failing struct {
	mutant.Raw
	op   string
	skip int // calls of it that do not fail
	err  error
}

type failingFile struct {
	lock.File
	sys *failing
}

func (s *failing) fails(op string) error {
	if op != s.op {
		return nil
	}
	s.skip--
	if s.skip != -1 {
		return nil
	}
	return &fs.PathError{Op: op, Path: race.PIDFile, Err: s.err}
}

func (s *failing) Open(path string, mode lock.Mode) (lock.File, error) {
	if err := s.fails("open"); err != nil {
		return nil, err
	}
	f, err := s.Raw.Open(path, mode)
	if err != nil {
		return nil, err
	}
	return failingFile{f, s}, nil
}

func (s *failing) Same(f lock.File, path string) (bool, error) {
	if err := s.fails("same"); err != nil {
		return false, err
	}
	return s.Raw.Same(f.(failingFile).File, path)
}

func (s *failing) Remove(path string) error {
	if err := s.fails("remove"); err != nil {
		return err
	}
	return s.Raw.Remove(path)
}

func (s *failing) Holds(f lock.File, pid int) bool { return s.Raw.Holds(f.(failingFile).File, pid) }

func (f failingFile) TryLock(exclusive bool) error {
	if err := f.sys.fails("lock"); err != nil {
		return err
	}
	return f.File.TryLock(exclusive)
}

func (f failingFile) Unlock() error {
	if err := f.sys.fails("unlock"); err != nil {
		return err
	}
	return f.File.Unlock()
}

func (f failingFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.sys.fails("read"); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f failingFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.sys.fails("write"); err != nil {
		n, _ := f.File.WriteAt(p[:1], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f failingFile) Truncate(size int64) error {
	if err := f.sys.fails("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func TestUncontrolledWouldSeeWhatComesOfFailingCalls(t *testing.T) {
	u, err := NewUncontrolled(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for _, test := range []struct {
		target  string
		fails   failing // in the first actor, or in the probe
		scripts []string
	}{
		{"unsupported-is-acquired", failing{op: "lock", err: syscall.ENOTSUP}, []string{"acquire", "acquire"}},
		{"write-error-ignored", failing{op: "write", err: syscall.ENOSPC}, []string{"acquire"}},
		{"open-error-is-held", failing{op: "open", err: syscall.EIO}, []string{"acquire"}},
		{"lock-error-is-held", failing{op: "lock", err: syscall.EIO}, []string{"acquire"}},
		{"no-rights-no-lock", failing{op: "open", err: syscall.EACCES}, []string{"acquire", "acquire"}},
		{"no-rights-another-place", failing{op: "open", err: syscall.EACCES}, []string{"acquire", "acquire"}},
		{"truncate-error-ignored", failing{op: "truncate", err: syscall.EIO}, []string{"acquire"}},
		{"short-write-is-whole", failing{op: "write", err: syscall.ENOSPC}, []string{"acquire"}},
		{"write-error-leaks-lock", failing{op: "write", err: syscall.EIO}, []string{"acquire"}},
		{"unlock-error-leaks-lock", failing{op: "unlock", err: syscall.EIO}, []string{"acquire release"}},
		{"remove-error-ignored", failing{op: "remove", err: syscall.EACCES}, []string{"acquire release"}},
		{"check-error-is-lost", failing{op: "same", skip: 1, err: syscall.EIO}, []string{"acquire check"}},
		{"probe-open-error-is-absent", failing{op: "open", err: syscall.EMFILE}, []string{"acquire", "probe"}},
		{"probe-lock-error-is-stale", failing{op: "lock", err: syscall.ENOLCK}, []string{"acquire", "probe"}},
		{"probe-read-error-unlinks", failing{op: "read", err: syscall.EIO}, []string{"acquire", "probe"}},
	} {
		p, _ := mutant.Lookup(test.target)
		inject := func(sys lock.System, into int) lock.System {
			if sys.PID() != firstPID+into {
				return sys
			}
			f := test.fails
			f.Raw = sys.(mutant.Raw)
			return &f
		}
		acquire, probe := p.Acquire, p.Probe
		probes := test.scripts[len(test.scripts)-1] == "probe"
		p.Acquire = func(sys lock.System, path string) (mutant.Holder, error) {
			if !probes {
				sys = inject(sys, 0)
			}
			return acquire(sys, path)
		}
		p.Probe = func(sys lock.System, path string) (lock.Status, error) { return probe(inject(sys, 1), path) }
		c := race.Case{Files: pidFile(race.Regular, "{dead}\n")}
		for i, script := range test.scripts {
			c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: strings.Fields(script)})
		}
		wrong := false
		for tries := 0; tries < 10_000 && !wrong; tries++ {
			if wrong, err = u.play(p, c, false); err != nil {
				t.Fatal(err)
			}
		}
		if !wrong {
			t.Errorf("%s: nothing is seen to go wrong when %s fails", test.target, test.fails.op)
		}
	}
}
