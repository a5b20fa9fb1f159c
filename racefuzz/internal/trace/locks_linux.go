package trace

import (
	"slices"
	"strconv"
	"strings"
)

// held is a lock on a file of the directory.
type held struct {
	inode  uint64
	lane   string
	shared bool
	what   string // of which kind it is, and of which bytes
}

// locksOf returns the locks that a process has on files of the directory. The
// kernel tells of them at each descriptor, inherited ones included:
//
//	lock:	1: FLOCK  ADVISORY  WRITE 4242 fe:00:131099 0 EOF
//
// /proc/locks would be one file for all, but what it says while others lock is
// not of one moment.
func (t *tracer) locksOf(p *process) []held {
	if p.ended {
		return nil
	}
	var locks []held
	base := "/proc/" + strconv.Itoa(p.pid)
	for _, fd := range entries(base + "/fd") {
		if t.placeOf(p.pid, readlink(base+"/fd/"+fd)) == "" {
			continue
		}
		for _, line := range lockLines(base + "/fdinfo/" + fd) {
			f := strings.Fields(line)
			if len(f) < 8 {
				continue
			}
			inode, _ := strconv.ParseUint(f[5][strings.LastIndexByte(f[5], ':')+1:], 10, 64)
			lock := held{inode: inode, lane: p.lane, shared: f[3] == "READ", what: strings.Join(append(f[1:2], f[6:]...), " ")}
			if !slices.Contains(locks, lock) {
				locks = append(locks, lock)
			}
		}
	}
	return locks
}

func lockLines(fdinfo string) []string {
	var out []string
	for line := range strings.Lines(string(slurp(fdinfo))) {
		if rest, ok := strings.CutPrefix(line, "lock:"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// locked reports whether a process has a lock through a descriptor, or would
// lose one by closing it.
func locked(tid int, fd string) bool {
	return len(lockLines("/proc/"+strconv.Itoa(tid)+"/fdinfo/"+fd)) > 0
}

// openFiles are the descriptors of a process, as paths, that stand for files of
// the directory which have lost their names.
func (t *tracer) openFiles(p *process) []string {
	var files []string
	base := "/proc/" + strconv.Itoa(p.pid) + "/fd/"
	for _, fd := range entries(base) {
		if path := readlink(base + fd); strings.HasSuffix(path, " (deleted)") && t.placeOf(p.pid, path) != "" {
			files = append(files, base+fd)
		}
	}
	return files
}
