package trace

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// alarm is a signal that a process is to get when a time has come.
type alarm struct {
	until    time.Duration // that has passed by then; never if it is not set
	interval time.Duration // after which it comes again, or 0
	signal   int
	timer    bool   // of timer_create, and so it says
	dated    bool   // it may be set to a time of day, and not of the time that the machine is up
	value    uint64 // that the signal carries then
	tid      int    // the thread that gets it, or 0 for any
}

// theAlarm is the number of the alarm that every process has; the others have those
// of timer_create.
const theAlarm = -1

// setAlarm deals with a call that sets one, at its entry stop, and reports whether it
// is known.
func (t *tracer) setAlarm(k *task, row syscalls.Timing, args syscalls.Args) bool {
	p := k.proc
	id, unit, at, old := theAlarm, time.Microsecond, args[1], args[2]
	switch row.Name {
	case "alarm":
		before := t.armed(p, theAlarm)
		p.alarms[theAlarm].set(t.clock, time.Duration(args[0])*time.Second, 0)
		instead(k.tid, int64((before+time.Second-1)/time.Second))
		return true
	case "setitimer":
		if args[0] != unix.ITIMER_REAL {
			return true // the time that a processor is used
		}
	case "getitimer":
		if args[0] == unix.ITIMER_REAL {
			before := t.armed(p, theAlarm)
			p.alarms[theAlarm].show(k.tid, args[1], before, unit)
			instead(k.tid, 0)
		}
		return true
	case "timer_gettime":
		if a := p.alarms[int(int32(args[0]))]; a != nil {
			a.show(k.tid, args[1], t.armed(p, int(int32(args[0]))), time.Nanosecond)
			instead(k.tid, 0)
		}
		return true
	case "timer_delete":
		delete(p.alarms, int(int32(args[0])))
		return true
	case "timer_settime":
		id, unit, at, old = int(int32(args[0])), time.Nanosecond, args[2], args[3]
	default:
		return false
	}
	var set [4]int64 // the interval and the time, in seconds and parts
	if !peekInto(k.tid, at, &set) {
		return true // it fails
	}
	before := t.armed(p, id)
	a := p.alarms[id]
	if a.signal == 0 {
		return false
	}
	a.show(k.tid, old, before, unit)
	sum := func(sec, part int64) time.Duration { return time.Duration(sec)*time.Second + time.Duration(part)*unit }
	d := sum(set[2], set[3])
	if row.Name == "timer_settime" && args[1]&unix.TIMER_ABSTIME != 0 && d != 0 {
		from := upSince
		if a.dated {
			from = time.Duration(t.clock.base.UnixNano())
		}
		d = max(1, d-from-t.clock.elapsed())
	}
	a.set(t.clock, d, sum(set[0], set[1]))
	instead(k.tid, 0)
	return true
}

// show writes into a task how an alarm is set: its interval, and how far off it is.
func (a *alarm) show(tid int, addr uint64, off, unit time.Duration) {
	if addr != 0 {
		poke(tid, uintptr(addr), append(span(a.interval, unit), span(off, unit)...))
	}
}

// span is a span of time as the kernel has it, in seconds and parts.
func span(d, unit time.Duration) []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(d/time.Second))
	return binary.NativeEndian.AppendUint64(b, uint64(d%time.Second/unit))
}

// set arms an alarm, or stops it where d is 0.
func (a *alarm) set(c *clock, d, interval time.Duration) {
	if a.until, a.interval = c.passed+d, interval; d == 0 {
		a.until = never
	}
}

// armed makes an alarm known, and returns how far off it is, 0 if it is not set.
func (t *tracer) armed(p *process, id int) time.Duration {
	if p.alarms == nil {
		p.alarms = map[int]*alarm{}
	}
	if p.alarms[id] == nil {
		p.alarms[id] = timerOf(p.pid, id)
	}
	if a := p.alarms[id]; a.until < never {
		return max(1, a.until-t.clock.passed)
	}
	return 0
}

// timerOf is a new alarm as the process has made it. It has no signal if that is not
// sent when its time comes.
func timerOf(pid, id int) *alarm {
	a := &alarm{until: never}
	if id == theAlarm {
		a.signal = int(unix.SIGALRM)
		return a
	}
	_, text, _ := strings.Cut("\n"+string(slurp("/proc/"+strconv.Itoa(pid)+"/timers")), "\nID: "+strconv.Itoa(id)+"\n")
	for line := range strings.Lines(text) {
		name, is, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "ID":
			return a
		case "signal":
			number, value, _ := strings.Cut(is, "/")
			a.signal, _ = strconv.Atoi(number)
			a.value, _ = strconv.ParseUint(value, 16, 64)
			a.timer = true
		case "notify":
			if tid, ok := strings.CutPrefix(is, "signal/tid."); ok {
				a.tid, _ = strconv.Atoi(tid)
			} else if !strings.HasPrefix(is, "signal/") {
				a.signal = 0
			}
		case "ClockID":
			id, _ := strconv.Atoi(is)
			a.dated = id == unix.CLOCK_REALTIME
			if !a.dated && id != unix.CLOCK_MONOTONIC && id != unix.CLOCK_BOOTTIME {
				a.signal = 0
			}
		}
	}
	return a
}

// send sends the signal, as that of a timer if it is one.
func (a *alarm) send(p *process) {
	if !a.timer {
		unix.Kill(p.pid, unix.Signal(a.signal))
		return
	}
	const byTimer = -2 // SI_TIMER
	info := struct {
		signo, errno, code, _ int32
		timer, overrun        int32
		value                 uint64
		_                     [96]byte
	}{signo: int32(a.signal), code: byTimer, value: a.value}
	if a.tid != 0 {
		unix.RawSyscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(p.pid), uintptr(a.tid), uintptr(a.signal), uintptr(unsafe.Pointer(&info)), 0, 0)
		return
	}
	unix.RawSyscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(p.pid), uintptr(a.signal), uintptr(unsafe.Pointer(&info)))
}
