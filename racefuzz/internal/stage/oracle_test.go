package stage

// Proves that what operations say is judged, too: protocols that do all that
// they should, and lie about it.

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// liar is a holder whose Check says what it is told to.
type liar struct {
	mutant.Holder
	look bool
	says error
}

func (l liar) Check() error {
	if l.look {
		l.Holder.Check()
	}
	return l.says
}

func TestWhatOperationsSayIsJudged(t *testing.T) {
	shipped, _ := mutant.Lookup(mutant.Shipped)
	lying := func(look bool, says error) mutant.Protocol {
		p := shipped
		p.Acquire = func(sys lock.System, path string) (mutant.Holder, error) {
			h, err := shipped.Acquire(sys, path)
			if err != nil {
				return nil, err
			}
			return liar{h, look, says}, nil
		}
		return p
	}
	failing, late, idle, refusing := shipped, shipped, shipped, shipped
	failing.Probe = func(sys lock.System, path string) (lock.Status, error) {
		lock.ProbeOn(sys, path)
		return lock.Status{}, errors.New("no answer")
	}
	idle.Uninstall = func(lock.System, string, string) error { return nil }
	refusing.Uninstall = func(sys lock.System, path, store string) error {
		sys.Open(path, lock.Read)
		return &lock.HeldError{Path: path}
	}
	removing := []string{"acquire check release", "remove"}
	late.Probe = func(sys lock.System, path string) (lock.Status, error) {
		f, err := sys.Open(path, lock.Read)
		if err != nil {
			return lock.Status{}, nil
		}
		defer f.Close()
		if f.TryLock(false) != nil {
			return lock.Status{State: lock.Held}, nil
		}
		f.Unlock()
		var buf [4]byte
		n, _ := f.ReadAt(buf[:], 0)
		if same, _ := sys.Same(f, path); !same {
			return lock.Status{}, nil
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
		return lock.Status{State: lock.Stale, PID: pid}, nil
	}
	for _, test := range []struct {
		name     string
		protocol mutant.Protocol
		scripts  []string
		want     race.Invariant
	}{
		{"shipped, removed", shipped, removing, ""},
		{"shipped, probed", shipped, []string{"acquire release", "probe"}, ""},
		{"shipped, uninstalled", shipped, []string{"acquire release", "uninstall"}, ""},
		{"check says that all is well", lying(true, nil), removing, race.AServerSucceeds},
		{"check says so without a look", lying(false, nil), removing, race.AServerSucceeds},
		{"check says that all is lost", lying(true, lock.ErrLost), removing, race.AServerSucceeds},
		{"probe fails", failing, []string{"probe"}, race.ProbesTellTheTruth},
		{"probe reads after unlocking", late, []string{"acquire", "acquire release", "probe"}, race.ProbesTellTheTruth},
		{"uninstall does nothing", idle, []string{"acquire release", "uninstall"}, race.UninstallSparesWhatIsUsed},
		{"uninstall refuses", refusing, []string{"uninstall"}, race.UninstallSparesWhatIsUsed},
	} {
		c := race.Case{Rules: "posix", Files: []race.File{{Name: Store, Kind: race.Regular, Content: "memories\n"}}}
		for i, script := range test.scripts {
			c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: strings.Fields(script)})
		}
		got := race.Verdict{}
		for seed := uint64(0); seed < 1000 && !got.Broken(); seed++ {
			got = playAtRandom(t, test.protocol, c, seed)
		}
		if got.Invariant != test.want {
			t.Errorf("%s: %s, want %q", test.name, got, test.want)
		}
	}
}

func playAtRandom(t *testing.T, p mutant.Protocol, c race.Case, seed uint64) race.Verdict {
	t.Helper()
	tier := Model()
	w, err := tier.world(c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRun(tier, w, p, c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rng := rand.New(rand.NewPCG(seed, 0))
	for !r.Verdict().Broken() {
		var moves []race.Move
		for _, m := range r.Moves() {
			if m.Fault == race.NoFault {
				moves = append(moves, m)
			}
		}
		if len(moves) == 0 {
			break
		}
		do(t, r, moves[rng.IntN(len(moves))])
	}
	return r.Verdict()
}
