package trace

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// notice tells once of something that an actor does and nobody can follow.
func (t *tracer) notice(a *actor, what string) {
	if t.noticed[what] {
		return
	}
	t.noticed[what] = true
	if t.onNotice != nil {
		t.onNotice(a.name, what)
	}
}

// noticeChannel tells of a call by which processes can begin to talk so that
// nobody can follow: of one that is about something only if that is shared.
func (t *tracer) noticeChannel(k *task, c call) {
	what := c.with
	for i, o := range c.Operands {
		if c.places[i] != "" && (!t.fixed[c.places[i]] || o.Does&syscalls.Maps == 0) {
			what = t.maskName(c.places[i])
			if o.Does&syscalls.Maps != 0 {
				t.mapped[c.places[i]] = true
			}
		}
	}
	if len(c.Operands) > 0 && what == "" {
		return
	}
	t.notice(k.proc.actor, strings.TrimSpace(c.Channel+" "+what))
}

// sharedMemory is where POSIX shared memory and semaphores have their names.
const sharedMemory = "/dev/shm/"

// address finds what the address of a socket stands for: a name in the
// directory, or something else that is shared, which goes into the call.
func (t *tracer) address(tid int, c *call, o syscalls.Operand) string {
	p := read(tid, c.args[o.Arg], int64(min(c.args[o.Arg+1], unix.SizeofSockaddrUnix)))
	if len(p) < 4 {
		return ""
	}
	switch binary.NativeEndian.Uint16(p) {
	case unix.AF_UNIX:
		name, _, _ := strings.Cut(string(p[2:]), "\x00")
		switch {
		case name == "":
			c.with = "@" + t.maskName(strings.TrimRight(string(p[3:]), "\x00"))
			return ""
		case !filepath.IsAbs(name):
			name = readlink("/proc/"+strconv.Itoa(tid)+"/cwd") + "/" + name
		}
		return t.locate(tid, name, false)
	case unix.AF_INET, unix.AF_INET6:
		if port := binary.BigEndian.Uint16(p[2:]); port != 0 {
			c.with = fmt.Sprintf("port %d", port)
		}
	}
	return ""
}
