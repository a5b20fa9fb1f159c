package trace

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func readlink(path string) string {
	var buf [512]byte
	n, err := unix.Readlink(path, buf[:])
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// slurp reads a small file, at most 64 KiB, without Go's file machinery.
func slurp(path string) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var out []byte
	var buf [4096]byte
	for len(out) < 64<<10 {
		n, err := unix.Read(fd, buf[:])
		if n <= 0 || err != nil {
			break
		}
		out = append(out, buf[:n]...)
	}
	return out
}

func entries(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	return names
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// rest says how a task is resting.
type rest int

const (
	awake   rest = iota
	napping      // until a short time has passed
	asleep       // until something happens
)

// longNap is the longest sleep that is taken for a pause within a step.
// Longer ones are those of a server that waits for work.
const longNap = 100 * time.Millisecond

// sleeping reports whether a task that is not stopped sleeps.
func (k *task) sleeping() bool {
	base := "/proc/" + strconv.Itoa(k.tid)
	stat := slurp(base + "/stat")
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 || i+2 >= len(stat) {
		return false
	}
	switch stat[i+2] {
	case 'S':
		return true
	case 'D': // but for the parent of a vfork it waits for the machine
		fields := bytes.Fields(slurp(base + "/syscall"))
		if len(fields) == 0 {
			return false
		}
		nr, err := strconv.Atoi(string(fields[0]))
		return err == nil && forks[nr] && k.vforked
	}
	return false
}

// restOf says how a sleeping task rests.
func restOf(tid int) rest {
	line := slurp("/proc/" + strconv.Itoa(tid) + "/syscall")
	nap, timed := napOf(tid, line)
	switch {
	case len(line) == 0 || bytes.HasPrefix(line, []byte("running")): // it has woken up meanwhile
		return awake
	case timed && nap <= longNap:
		return napping
	}
	return asleep
}

// switches counts how often a task was given a processor.
func switches(tid int) string {
	fields := bytes.Fields(slurp("/proc/" + strconv.Itoa(tid) + "/schedstat"))
	if len(fields) < 3 {
		return ""
	}
	return string(fields[2])
}

// napOf says how long the system call a task sleeps in may last. nanosleep is
// left out: it is how the Go runtime's monitor passes its time.
func napOf(tid int, line []byte) (time.Duration, bool) {
	fields := bytes.Fields(line)
	if len(fields) < 7 {
		return 0, false
	}
	nr, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		return 0, false
	}
	arg := func(i int) uint64 {
		v, _ := strconv.ParseUint(strings.TrimPrefix(string(fields[1+i]), "0x"), 16, 64)
		return v
	}
	millis := func(i int) (time.Duration, bool) {
		ms := int32(arg(i))
		return time.Duration(ms) * time.Millisecond, ms >= 0
	}
	switch naps[nr] {
	case "clock_nanosleep":
		return timeAt(tid, arg(2), arg(1)&unix.TIMER_ABSTIME != 0, int32(arg(0)))
	case "epoll_wait":
		return millis(3)
	case "poll":
		return millis(2)
	case "ppoll":
		return timeAt(tid, arg(2), false, 0)
	case "pselect6":
		return timeAt(tid, arg(4), false, 0)
	case "select": // a timeval: microseconds where others have nanoseconds
		d, timed := timeAt(tid, arg(4), false, 0)
		return d.Truncate(time.Second) + d%time.Second*1000, timed
	case "futex":
		const waitBitset, realtime = 9, 256
		op := arg(1) &^ 128
		clock := int32(unix.CLOCK_MONOTONIC)
		if op&realtime != 0 {
			clock = unix.CLOCK_REALTIME
		}
		return timeAt(tid, arg(3), op&^realtime == waitBitset, clock)
	}
	return 0, false
}

// timeAt reads the timespec at addr of a task, and of an absolute one says how
// far it lies ahead.
func timeAt(tid int, addr uint64, absolute bool, clock int32) (time.Duration, bool) {
	if addr == 0 {
		return 0, false
	}
	var ts, now unix.Timespec
	if _, err := peek(tid, uintptr(addr), unsafe.Slice((*byte)(unsafe.Pointer(&ts)), unsafe.Sizeof(ts))); err != nil {
		return 0, false
	}
	d := time.Duration(ts.Nano())
	if absolute {
		unix.ClockGettime(clock, &now)
		d -= time.Duration(now.Nano())
	}
	return d, true
}

var naps = func() map[int]string {
	m := map[int]string{
		unix.SYS_CLOCK_NANOSLEEP: "clock_nanosleep",
		unix.SYS_EPOLL_PWAIT:     "epoll_wait",
		unix.SYS_PPOLL:           "ppoll",
		unix.SYS_PSELECT6:        "pselect6",
		unix.SYS_FUTEX:           "futex",
	}
	for nr, name := range archNaps {
		m[nr] = name
	}
	return m
}()

// threadGroup returns the process a thread belongs to.
func threadGroup(tid int) int {
	_, rest, _ := strings.Cut(string(slurp("/proc/"+strconv.Itoa(tid)+"/status")), "\nTgid:")
	pid, _ := strconv.Atoi(strings.TrimSpace(firstLine(rest)))
	return pid
}
