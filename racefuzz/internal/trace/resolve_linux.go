package trace

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// absolute is a path of c from the root on, with all names that stand for
// directories and open files of the task replaced, or "" when it cannot be read.
func (t *tracer) absolute(tid int, c call, o syscalls.Operand) string {
	path, err := peekString(tid, uintptr(c.args[o.Arg]))
	switch {
	case err != nil && c.args[o.Arg] != 0:
		return ""
	case filepath.IsAbs(path):
		return behind(path, tid, o.FollowsLink(c.args))
	}
	base := "/proc/" + strconv.Itoa(tid) + "/cwd"
	if o.Dir != syscalls.None && int32(c.args[o.Dir]) != unix.AT_FDCWD {
		base = "/proc/" + strconv.Itoa(tid) + "/fd/" + strconv.Itoa(int(int32(c.args[o.Dir])))
	}
	if path == "" {
		return readlink(base)
	}
	return readlink(base) + "/" + path
}

// standIns are names of what a process has open.
var standIns = map[string]string{"/dev/fd/": "/proc/self/fd/", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2"}

// magic finds the links of /proc that lead to directories and open files of a
// process.
var magic = regexp.MustCompile(`^(/proc/[^/]+/(?:cwd|root|fd/[0-9]+))(/.*)?$`)

// behind follows the names that stand for directories and open files.
func behind(path string, tid int, follows bool) string {
	if !strings.HasPrefix(path, "/proc/") && !strings.HasPrefix(path, "/dev/") {
		return path
	}
	for name, stands := range standIns {
		if rest, ok := strings.CutPrefix(path, name); ok {
			path = stands + rest
		}
	}
	for name, id := range map[string]int{"/proc/self/": threadGroup(tid), "/proc/thread-self/": tid} {
		if rest, ok := strings.CutPrefix(path, name); ok {
			path = "/proc/" + strconv.Itoa(id) + "/" + rest
		}
	}
	if m := magic.FindStringSubmatch(path); m != nil && (m[2] != "" || follows) {
		return strings.TrimSuffix(readlink(m[1]), "/") + m[2]
	}
	return path
}

// locate returns what a task calls path relative to the case's directory, or ""
// when it lies outside.
func (t *tracer) locate(tid int, path string, follows bool) string {
	if place := t.placeOf(tid, filepath.Clean(path)); place != "" || path == "" {
		return place
	}
	return t.inside(resolve(path, follows, 0))
}

// settled are directories in which no link leads into a case's.
var settled = []string{"/usr/", "/lib", "/etc/", "/sys/", "/proc/", "/dev/"}

// mostLinks is how many links a path may lead through.
const mostLinks = 10

// resolve returns a path without links: a link outside may lead in. A name that
// is not there may lie in a directory that is.
func resolve(path string, follows bool, links int) string {
	if slices.ContainsFunc(settled, func(dir string) bool { return strings.HasPrefix(path, dir) }) || links > mostLinks {
		return path
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return path
	}
	dir := readlink("/proc/self/fd/" + strconv.Itoa(fd))
	unix.Close(fd)
	whole := strings.TrimSuffix(dir, "/") + "/" + filepath.Base(path)
	if target := readlink(whole); target != "" && follows {
		if !filepath.IsAbs(target) {
			target = dir + "/" + target
		}
		return resolve(target, follows, links+1)
	}
	return whole
}

// processOf is the process whose directory below /proc a path leads into, -1 for
// all where it is /proc itself, or 0.
func processOf(path string) int {
	rest, ok := strings.CutPrefix(path, "/proc")
	if !ok || rest != "" && rest[0] != '/' {
		return 0
	}
	number, _, _ := strings.Cut(strings.Trim(rest, "/"), "/")
	if number == "" {
		return -1
	}
	pid, _ := strconv.Atoi(number)
	return pid
}

// inside returns path relative to the case's directory, "." for the directory
// itself, the path as it is where it was taken in, and "" for anything else.
func (t *tracer) inside(path string) string {
	for _, root := range t.in {
		if rest, ok := strings.CutPrefix(path, root); ok && (rest == "" || rest[0] == '/' || rest == " (deleted)") {
			return path
		}
	}
	rest, ok := strings.CutPrefix(path, t.dir)
	switch {
	case !ok:
		return ""
	case rest == "":
		return "."
	case rest[0] == '/':
		return rest[1:]
	}
	return ""
}

// path is the opposite.
func (t *tracer) path(place string) string {
	if filepath.IsAbs(place) {
		return place
	}
	return filepath.Join(t.dir, place)
}

// fileOf names the file behind a descriptor. An unlinked one keeps its name
// with " (deleted)" behind it, as the kernel gives it.
func (t *tracer) fileOf(tid, fd int) string { return t.placeOf(tid, fdPath(tid, fd)) }

func fdPath(tid, fd int) string {
	return readlink("/proc/" + strconv.Itoa(tid) + "/fd/" + strconv.Itoa(fd))
}
