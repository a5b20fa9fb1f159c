package trace

import (
	"debug/elf"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// Programs that wait for time to pass are on a clock of the case's own. It stands
// still, but for a tick at each step, until somebody is let sleep to the end of his
// wait: that is a move of the schedule, and takes no real time. What they ask for
// the time by is answered in the process itself, see [timekeeper]; the kernel is
// told to wait without an end instead, and interrupted when the time is up.

// clock is the time of a case.
type clock struct {
	base   time.Time     // when the case begins
	passed time.Duration // that somebody has waited for
	steps  int           // so far
}

// tick is how long a step takes.
const tick = 10 * time.Microsecond

// upSince is how long the machine has been running when a case begins.
const upSince = 1000 * time.Second

func (c *clock) elapsed() time.Duration { return c.passed + time.Duration(c.steps)*tick }

// wait is a call of a task that ends when a time has come, or before.
type wait struct {
	syscalls.Timing
	nr    int
	args  syscalls.Args
	until time.Duration // that has passed by then
	over  bool          // the time has come
}

// never is when the waits end by which a runtime keeps itself busy.
const never = time.Duration(math.MaxInt64)

// timed deals with a call that has to do with time, at its entry stop. The result
// is false when it is none.
func (t *tracer) timed(k *task, info *stopInfo) bool {
	row, ok := syscalls.Timed(int(info.Nr))
	if t.timing == nothing || !ok || info.Arch != auditArch {
		return false
	}
	if t.clock == nil {
		t.slept = true
		t.resume(k, 0)
		return true
	}
	switch row.Does {
	case syscalls.Tells:
		t.answer(k, row, info.Args)
	case syscalls.Alarms:
		if !t.setAlarm(k, row, info.Args) {
			t.notice(k.proc.actor, "is told the machine's time, with "+row.Name)
		}
	default:
		if until, ends := t.endOf(k, row, info.Args); ends {
			k.wait = &wait{Timing: row, nr: int(info.Nr), args: info.Args, until: until}
			if k.broken != nil && k.broken.nr == k.wait.nr {
				k.wait.until = k.broken.until
			}
			endless(k.tid, row)
		}
	}
	k.broken = nil
	t.resume(k, 0)
	return true
}

// endOf says when a wait ends, if it is one.
func (t *tracer) endOf(k *task, row syscalls.Timing, args syscalls.Args) (until time.Duration, ends bool) {
	const bitset, realtime = 9, 256
	raw := args[row.Timeout]
	absolute, clockID := false, uint64(unix.CLOCK_MONOTONIC)
	switch row.Name {
	case "clock_nanosleep":
		absolute, clockID = args[1]&unix.TIMER_ABSTIME != 0, args[0]
	case "futex":
		switch op := args[1] & 127; {
		case op == bitset:
			absolute = true
			if args[1]&realtime != 0 {
				clockID = unix.CLOCK_REALTIME
			}
		case op != 0:
			return 0, false
		}
		if k.proc.isGo() {
			return never, true
		}
	}
	if row.Unit == syscalls.Millis { // which the kernel takes for that many or a little more
		d := time.Duration(int32(raw)) * time.Millisecond
		return t.clock.passed + d + time.Millisecond, d > 0
	}
	var pair [2]int64
	if raw == 0 || !peekInto(k.tid, raw, &pair) {
		return 0, false
	}
	if row.Unit == syscalls.Timeval {
		pair[1] *= 1000
	}
	d := time.Duration(pair[0])*time.Second + time.Duration(pair[1])
	if pair[0] > int64(never/time.Second)-1 {
		d = never / 2
	}
	if !absolute {
		monitors := row.Name == "nanosleep" && d <= mostOfMonitor && k.proc.isGo()
		return t.clock.passed + d, d > 0 && !monitors
	}
	switch clockID {
	case unix.CLOCK_REALTIME, unix.CLOCK_TAI:
		d -= time.Duration(t.clock.base.UnixNano())
	case unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME:
		d -= upSince
	default: // the time that a processor was used
		return 0, false
	}
	return max(t.clock.passed, d-time.Duration(t.clock.steps)*tick), true
}

// mostOfMonitor is how long the monitor of Go's runtime sleeps at most before it
// looks around again.
const mostOfMonitor = 10 * time.Millisecond

// answer makes a call that asks for the time.
func (t *tracer) answer(k *task, row syscalls.Timing, args syscalls.Args) {
	now := t.clock.base.Add(t.clock.elapsed()).UnixNano()
	put := func(addr uint64, p []byte) {
		if addr != 0 {
			poke(k.tid, uintptr(addr), p)
		}
	}
	result := int64(0)
	switch row.Name {
	case "clock_gettime":
		if monotonic(args[0]) {
			now = int64(upSince + t.clock.elapsed())
		}
		put(args[1], span(time.Duration(now), time.Nanosecond))
	case "gettimeofday":
		put(args[0], span(time.Duration(now), time.Microsecond))
	case "time":
		result = now / 1e9
		put(args[0], binary.NativeEndian.AppendUint64(nil, uint64(result)))
	}
	instead(k.tid, result)
}

func monotonic(id uint64) bool {
	return id != unix.CLOCK_REALTIME && id != unix.CLOCK_REALTIME_COARSE && id != unix.CLOCK_REALTIME_ALARM && id != unix.CLOCK_TAI
}

// wallClocks are those that go by themselves.
var wallClocks = []syscalls.Test{{Arg: 0, Min: 0, Max: 1}, {Arg: 0, Min: 4, Max: 11}}

// awoken takes the end of a wait, at its exit stop.
func (t *tracer) awoken(k *task) {
	w := k.wait
	k.wait = nil
	value := restored(k.tid, w)
	if w.Name == "select" || w.Name == "pselect6" || w.Name == "ppoll" { // which tell how much was left
		unit := time.Nanosecond
		if w.Unit == syscalls.Timeval {
			unit = time.Microsecond
		}
		poke(k.tid, uintptr(w.args[w.Timeout]), span(max(0, w.until-t.clock.passed), unit))
	}
	switch broken := value == -int64(unix.EINTR) || -516 <= value && value <= -512; {
	case !broken:
	case w.over:
		value = w.Over
		if w.Name == "select" || w.Name == "pselect6" {
			zero := make([]byte, (min(w.args[0], 1<<16)+63)/64*8)
			for _, set := range w.args[1:4] {
				if set != 0 {
					poke(k.tid, uintptr(set), zero)
				}
			}
		}
		setResult(k.tid, value)
	default:
		k.broken = w
		if absolute := w.Name == "clock_nanosleep" && w.args[1]&unix.TIMER_ABSTIME != 0; w.Rest != syscalls.None && w.args[w.Rest] != 0 && !absolute {
			poke(k.tid, uintptr(w.args[w.Rest]), span(max(0, w.until-t.clock.passed), time.Nanosecond))
		}
		setResult(k.tid, -int64(unix.EINTR))
	}
	t.resume(k, 0)
}

// restart has a call that a signal has interrupted made again, if the program does
// not hear of that signal.
func (t *tracer) restart(k *task, sig unix.Signal) {
	if k.broken == nil {
		return
	}
	_, text, _ := strings.Cut(string(slurp("/proc/"+strconv.Itoa(k.tid)+"/status")), "\nSigCgt:")
	caught, _ := strconv.ParseUint(strings.TrimSpace(firstLine(text)), 16, 64)
	if sig != 0 && caught&(1<<(sig-1)) != 0 {
		k.broken = nil
		return
	}
	again(k.tid, k.broken.nr)
}

// due is what the clock is to do for a process: to end the wait of a task, or else to
// send a signal.
type due struct {
	until time.Duration
	task  *task
	alarm *alarm
}

// nextDue is what the clock is to do next for a process, if anything.
func (p *process) nextDue() (d due, ok bool) {
	d.until = never
	for _, k := range p.tasks {
		if k.wait != nil && k.wait.until < d.until && !k.wait.over {
			d = due{k.wait.until, k, nil}
		}
	}
	for _, a := range p.alarms {
		if a.until < d.until {
			d = due{a.until, nil, a}
		}
	}
	return d, d.until < never
}

// dozes reports whether the clock is to do something for a process.
func (p *process) dozes() bool {
	_, ok := p.nextDue()
	return ok
}

// dozes reports whether a process of the actor's present round waits for a time to
// come, and none is about to do something: whether its other threads have come to
// their waits by then is chance.
func (a *actor) dozes() bool {
	return !a.active() && slices.ContainsFunc(a.procs, func(p *process) bool { return !p.orphan && p.dozes() })
}

// keepTime puts a process that has just begun a program on the clock.
func (t *tracer) keepTime(p *process) {
	if t.clock == nil {
		return
	}
	var err error
	if p.told, err = installTimekeeper(p.pid); err != nil {
		t.notice(p.actor, "goes by the machine's clock: "+err.Error())
	}
	t.tell(p)
}

// tell tells a process what time it is.
func (t *tracer) tell(p *process) {
	if t.clock == nil || p.told == 0 {
		return
	}
	now, up := t.clock.base.Add(t.clock.elapsed()).UnixNano(), int64(upSince+t.clock.elapsed())
	var b []byte
	for _, v := range []int64{now / 1e9, now % 1e9, up / 1e9, up % 1e9, now % 1e9 / 1000} {
		b = binary.NativeEndian.AppendUint64(b, uint64(v))
	}
	force(p.pid, p.told, b)
}

// force writes into a process where that may not write itself.
func force(pid int, addr uintptr, p []byte) error {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/mem", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Pwrite(fd, p, int64(addr))
	return err
}

// stamp gives files that a step has changed, and whose times the program did not
// set itself, the clock's time.
func (t *tracer) stamp(k *task, changes []change) {
	if t.clock == nil || k != nil && t.setsTimes(k) {
		return
	}
	now := unix.NsecToTimespec(t.clock.base.Add(t.clock.elapsed()).UnixNano())
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, now}
	for _, c := range changes {
		if c.is && !strings.HasSuffix(c.name, " (deleted)") {
			unix.UtimesNanoAt(unix.AT_FDCWD, t.path(c.name), times, unix.AT_SYMLINK_NOFOLLOW)
		}
	}
	t.watch.touched(func(string, bool) {})
}

// setsTimes reports whether the call that a task has made sets times of a file that
// are not those of now.
func (t *tracer) setsTimes(k *task) bool {
	if !k.made.Does(syscalls.SetsTimes) {
		return false
	}
	arg := 1
	if k.made.Name == "utimensat" || k.made.Name == "futimesat" {
		arg = 2
	}
	addr := k.made.args[arg]
	if addr == 0 {
		return false
	}
	var times [4]int64
	return !(k.made.Name == "utimensat" && peekInto(k.tid, addr, &times) && times[3] == unix.UTIME_NOW)
}

// isGo reports whether a process runs a program that was written in Go, whose
// runtime waits for times of its own.
func (p *process) isGo() bool {
	exe := "/proc/" + strconv.Itoa(p.pid) + "/exe"
	path := readlink(exe)
	if known, ok := goPrograms.Load(path); ok {
		return known.(bool)
	}
	is := false
	if f, err := elf.Open(exe); err == nil {
		is = f.Section(".go.buildinfo") != nil
		f.Close()
	}
	goPrograms.Store(path, is)
	return is
}

var goPrograms sync.Map // whether it is one, by the program's path
