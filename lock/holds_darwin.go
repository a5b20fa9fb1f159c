package lock

import (
	"time"

	"golang.org/x/sys/unix"
)

const zombie = 5 // SZOMB in <sys/proc.h>

// Holds cannot ask who has a lock on macOS. It believes the pid of a live
// process that started no later than the file was last written: a process
// that got a used pid again started after its predecessor wrote it.
func (OS) Holds(f File, pid int) bool {
	var st unix.Stat_t
	if err := unix.Fstat(f.(*file).fd, &st); err != nil {
		return false
	}
	proc, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || proc.Proc.P_stat == zombie {
		return false
	}
	started := time.Unix(proc.Proc.P_starttime.Unix())
	return !started.After(time.Unix(st.Mtim.Unix()))
}
