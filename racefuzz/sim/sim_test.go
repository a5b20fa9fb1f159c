package sim

// Proves what the differential test cannot show: what a scheduler asks of the
// file system, under each of the rules.

import (
	"errors"
	"testing"

	"github.com/memlatch/memlatch/lock"
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
