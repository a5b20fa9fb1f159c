package trace

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// What a case may take of the machine. Daemons take far less: who takes more
// has lost its bearings, and goes on until it is stopped.
const (
	mostTasks  = 1000     // processes and threads at the same time
	mostRoom   = 1 << 30  // bytes on the disk, of all files in the directory
	mostOutput = 64 << 20 // bytes of output of an actor that are kept
)

// sectorSize is the unit in which stat tells what a file takes on the disk.
const sectorSize = 512

// over is why all must end at once, or nil.
func (t *tracer) over() error {
	select {
	case <-t.done:
		return ErrOver
	default:
		return t.excess
	}
}

// admit counts a new task against those that there may be. Who begins many shall
// leave a processor to this process, which is to end them.
func (t *tracer) admit(k *task) {
	if len(t.tasks) > mostTasks/10 {
		unix.Setpriority(unix.PRIO_PROCESS, k.tid, 19)
	}
	if len(t.tasks) > mostTasks {
		t.excess = &race.ExcessError{What: fmt.Sprintf("begins more than %d processes and threads", mostTasks)}
	}
}

// take counts what came of a step against the room that there is. All files are
// added up only once so much has come that it could matter.
func (t *tracer) take(changes []change) {
	for _, c := range changes {
		t.grown += max(c.now.room-c.old.room, 0)
	}
	if t.grown < mostRoom/16 {
		return
	}
	t.grown = 0
	if t.scene.room() > mostRoom {
		t.excess = &race.ExcessError{What: "fills its directory with more than 1 GiB"}
	}
}

// room is how many bytes of the disk all files take.
func (s *scene) room() (sum int64) {
	for _, e := range s.entries {
		sum += e.room / int64(max(e.links, 1))
	}
	for _, e := range s.unnamed {
		sum += e.room
	}
	return sum
}

// output is a file that gets what an actor writes.
type output struct {
	path    string
	cutting atomic.Bool
}

// tooLong reports whether more has been written than is kept.
func (o *output) tooLong() bool {
	var st unix.Stat_t
	return unix.Stat(o.path, &st) == nil && st.Size > mostOutput
}

// cut cuts that off, which takes as long as a write that goes on.
func (o *output) cut() {
	os.Truncate(o.path, mostOutput)
	o.cutting.Store(false)
}

// trim cuts off what the actors write beyond what is kept, without waiting for any
// but those that are at rest.
func (t *tracer) trim(atRest []*actor) {
	for a, o := range t.outputs {
		switch {
		case !o.tooLong() || !o.cutting.CompareAndSwap(false, true):
		case slices.Contains(atRest, a):
			o.cut()
		default:
			go o.cut()
		}
	}
}

// noteRights notices a program that would have other rights if it were not
// traced.
func (t *tracer) noteRights(k *task) {
	if os.Geteuid() == 0 && t.as == nil {
		return // whose programs lose none
	}
	exe := "/proc/" + strconv.Itoa(k.tid) + "/exe"
	var st unix.Stat_t
	if unix.Stat(exe, &st) != nil {
		return
	}
	_, err := unix.Getxattr(exe, "security.capability", nil)
	gives := st.Mode&unix.S_ISUID != 0 && int(st.Uid) != os.Geteuid() || st.Mode&unix.S_ISGID != 0 && int(st.Gid) != os.Getegid()
	if gives || err == nil {
		t.notice(k.proc.actor, "runs "+filepath.Base(readlink(exe))+" without the rights that its file gives")
	}
}
