package trace

import (
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A program whose pid file has a fixed place is given the case's directory in
// that place, by a mount in a namespace of its own. Then what it calls the
// directory is not what the tracer does.

// placeOf returns what a task calls path relative to the case's directory, as
// inside does.
func (t *tracer) placeOf(tid int, path string) string {
	if place := t.inside(path); place != "" || !filepath.IsAbs(path) || !elsewhere(tid) {
		return place
	}
	root, err := unix.Open("/proc/"+strconv.Itoa(tid)+"/root", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(root)
	for dir := path; ; dir = filepath.Dir(dir) {
		if isDir(root, dir, t.dir) {
			rel, _ := filepath.Rel(dir, path)
			return rel
		}
		if dir == "/" {
			return ""
		}
	}
}

// elsewhere reports whether a task has another root or other mounts than we.
func elsewhere(tid int) bool {
	base := "/proc/" + strconv.Itoa(tid)
	return readlink(base+"/ns/mnt") != readlink("/proc/thread-self/ns/mnt") || readlink(base+"/root") != "/"
}

// isDir reports whether path, as it is seen from root, is the directory dir.
func isDir(root int, path, dir string) bool {
	fd, err := unix.Openat2(root, strings.TrimPrefix(path, "/"), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT,
	})
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var there, here unix.Stat_t
	return unix.Fstat(fd, &there) == nil && unix.Stat(dir, &here) == nil && there.Dev == here.Dev && there.Ino == here.Ino
}
