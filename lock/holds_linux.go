package lock

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Holds looks the lock up in /proc/locks, whose lines read
//
//	4: FLOCK  ADVISORY  WRITE 4242 fe:00:131090 0 EOF
//
// with "->" in the second place for those who only wait, and another kind of lock
// in FLOCK's. The device is not compared: btrfs and overlayfs show another one
// there than stat does. A list that takes several reads can have changed between
// them and lack what was there all the time; so what it does not list is looked
// for in /proc/PID/fdinfo, which has such lines for each open file.
func (OS) Holds(f File, pid int) bool {
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return alive(pid)
	}
	inode := f.(*file).stat.Ino
	if lists(locks, pid, inode) {
		return true
	}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	return slices.ContainsFunc(files, func(name string) bool {
		info, _ := os.ReadFile(name)
		return lists(bytes.ReplaceAll(info, []byte("lock:"), nil), pid, inode)
	})
}

// lists reports whether process pid has an exclusive lock on the inode by one of
// the lines.
func lists(locks []byte, pid int, inode uint64) bool {
	owner, id := strconv.Itoa(pid), ":"+strconv.FormatUint(inode, 10)
	for line := range bytes.Lines(locks) {
		field := strings.Fields(string(line))
		if len(field) >= 6 && field[1] == "FLOCK" && field[3] == "WRITE" && field[4] == owner && strings.HasSuffix(field[5], id) {
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
