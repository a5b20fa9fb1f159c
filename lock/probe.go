package lock

import (
	"errors"
	"io/fs"
	"math"
	"strconv"
	"strings"
)

// State says what a pid file's lock tells about its holder.
type State int

const (
	// Absent: there is no file.
	Absent State = iota
	// Stale: there is a file, and nobody holds it.
	Stale
	// Held: somebody holds the file.
	Held
)

// String returns the state as a word in lower case.
func (s State) String() string {
	switch s {
	case Absent:
		return "absent"
	case Stale:
		return "stale"
	case Held:
		return "held"
	}
	return "state " + strconv.Itoa(int(s))
}

// Status is what [Probe] found. PID is the holder's when held, the recorded
// one when stale, and 0 where it is not known.
type Status struct {
	State State
	PID   int
}

// Probe finds out who holds the pid file at path. The lock alone decides
// between held and stale, and a pid is reported as the holder's only when the
// system confirms it: on Linux through /proc/locks, elsewhere because the
// process lives and started before the file was written. Where that much cannot
// be read, it is enough that the process lives. Probe writes nothing
// and creates nothing; it holds a shared lock for an instant, which a start
// waits out. What it reports was true at a moment during the call.
func Probe(path string) (Status, error) { return ProbeOn(OS{}, path) }

// ProbeOn is [Probe] on sys.
func ProbeOn(sys System, path string) (Status, error) {
	for n := 0; ; n++ {
		status, settled, err := probe(sys, path)
		if settled || !sys.Pause(n) {
			return status, err
		}
	}
}

// probe looks once. What is not settled was met in passing, such as a holder
// between its lock and its first write, and deserves another look.
func probe(sys System, path string) (status Status, settled bool, err error) {
	f, err := sys.Open(path, Read)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Status{}, true, nil
	case err != nil:
		return Status{}, !errors.Is(err, ErrBusy), err
	}
	defer f.Close()

	err = f.TryLock(false)
	held := errors.Is(err, ErrRefused)
	if err != nil && !held {
		return Status{}, true, err
	}
	var pid int
	if !held {
		// Nobody can start meanwhile: what can wait is done afterwards.
		pid = recorded(f)
		f.Unlock()
	}
	same, err := sys.Same(f, path)
	switch {
	case err != nil || !same:
		return Status{}, err != nil, err
	case !held:
		// However many ask in a loop, they leave room for a start.
		sys.Pause(0)
		return Status{State: Stale, PID: pid}, true, nil
	}
	pid = holder(sys, f)
	return Status{State: Held, PID: pid}, pid != 0, nil
}

// holder returns the recorded pid if the system confirms that it holds f, and
// 0 otherwise. Where the system can only compare the times of the process and
// of the file, a pid that was read before the last write would be confirmed
// by that write: the pid is read again.
func holder(sys System, f File) int {
	pid := recorded(f)
	if pid == 0 || !sys.Holds(f, pid) || recorded(f) != pid {
		return 0
	}
	return pid
}

// recorded returns the pid in the first line of f, or 0 where that is not a
// complete positive number written as [record] writes it.
func recorded(f File) int {
	var buf [16]byte
	n, _ := f.ReadAt(buf[:], 0)
	line, _, complete := strings.Cut(string(buf[:n]), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil || !complete || pid <= 0 || pid > math.MaxInt32 || line != strconv.Itoa(pid) {
		return 0
	}
	return pid
}
