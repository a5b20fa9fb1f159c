package trace

import (
	"encoding/binary"
	"fmt"
	"path"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// watch is told by the kernel which names below a directory were touched. What
// is said of a call is there once the call has returned.
type watch struct {
	root string
	fd   int
	dirs map[int32]string // by their watch descriptors, relative to the root
	lost bool             // so much happened at once that not all is known
}

const touches = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW

func newWatch(root string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w; see fs.inotify.max_user_instances", root, err)
	}
	return &watch{root: root, fd: fd, dirs: map[int32]string{}}, nil
}

func (w *watch) close() { unix.Close(w.fd) }

// add begins to watch a directory, and returns the names in it. An absolute path
// is one outside of the root.
func (w *watch) add(dir string) []string {
	full := path.Join(w.root, dir)
	if path.IsAbs(dir) {
		full = dir
	}
	if wd, err := unix.InotifyAddWatch(w.fd, full, touches); err == nil {
		w.dirs[int32(wd)] = dir
	}
	return entries(full)
}

// remove ends watching a directory, if that was watched.
func (w *watch) remove(dir string) {
	for wd, name := range w.dirs {
		if name == dir {
			unix.InotifyRmWatch(w.fd, uint32(wd))
			delete(w.dirs, wd)
		}
	}
}

// touched calls f with each name that was touched since it was asked last, and
// whether what a file holds was.
func (w *watch) touched(f func(name string, content bool)) {
	content := map[string]bool{}
	var order []string
	var buf [16 << 10]byte
	for {
		n, err := unix.Read(w.fd, buf[:])
		if err != nil {
			break
		}
		for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			wd, mask, size := int32(binary.NativeEndian.Uint32(rest)), binary.NativeEndian.Uint32(rest[4:]), binary.NativeEndian.Uint32(rest[12:])
			name, _, _ := strings.Cut(string(rest[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size]), "\x00")
			rest = rest[unix.SizeofInotifyEvent+size:]
			w.lost = w.lost || wd < 0
			dir, known := w.dirs[wd]
			if name = path.Join(dir, name); !known || name == "." {
				continue
			}
			if _, again := content[name]; !again {
				order = append(order, name)
			}
			content[name] = content[name] || mask&unix.IN_ATTRIB == 0
		}
	}
	for _, name := range order {
		f(name, content[name])
	}
}

var unknowns atomic.Int64

// unknown is a text that is like no other.
func unknown() string { return fmt.Sprint("?", unknowns.Add(1)) }
