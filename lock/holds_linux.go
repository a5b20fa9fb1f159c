package lock

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Holds looks the lock up in /proc/locks, whose lines read
//
//	4: FLOCK  ADVISORY  WRITE 4242 fe:00:131090 0 EOF
//
// with "->" in the second place for those who only wait, and another kind of lock
// in FLOCK's. The device is not
// compared: btrfs and overlayfs show another one there than stat does.
func (OS) Holds(f File, pid int) bool {
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return alive(pid)
	}
	owner, inode := strconv.Itoa(pid), ":"+strconv.FormatUint(f.(*file).stat.Ino, 10)
	for line := range bytes.Lines(locks) {
		field := strings.Fields(string(line))
		if len(field) >= 6 && field[1] == "FLOCK" && field[3] == "WRITE" && field[4] == owner && strings.HasSuffix(field[5], inode) {
			return true
		}
	}
	return false
}

// alive is what is left where /proc/locks cannot be read. The times at which
// processes start are no help: they count from a boot whose wall-clock time
// may since have been corrected.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || err == unix.EPERM
}
