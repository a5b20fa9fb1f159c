//go:build amd64 || arm64

package syscalls

import (
	"iter"
	"maps"

	"golang.org/x/sys/unix"
)

// Timing is what a call has to do with time. The calls that tell or wait for it
// are ignored by the table itself: they concern no file.
type Timing struct {
	Name    string
	Does    TimeUse
	Timeout int   // the argument that says how long, of what waits
	Unit    Unit  // of that
	Over    int64 // what the call returns once the time is up
	Rest    int   // the argument that gets the rest of an interrupted sleep, or None
}

// TimeUse is what a call does with time.
type TimeUse int

// The uses of time.
const (
	Tells  TimeUse = iota // what time it is
	Sleeps                // until a time has come
	Awaits                // something else, for some time at most
	Alarms                // the caller is to be told when a time has come
)

// Unit says how an argument gives a span of time.
type Unit int

// The units.
const (
	Millis   Unit = iota // a number of milliseconds, a negative one for no end
	Timespec             // the address of seconds and nanoseconds, 0 for no end
	Timeval              // the same with microseconds
)

// Timed returns what the call with a number has to do with time, if anything.
func Timed(nr int) (Timing, bool) {
	t, ok := timed[nr]
	return t, ok
}

// AllTimed returns all calls that have to do with time, by their numbers.
func AllTimed() iter.Seq2[int, Timing] { return maps.All(timed) }

const timedOut = -int64(unix.ETIMEDOUT)

var timed = func() map[int]Timing {
	all := map[int]Timing{
		unix.SYS_CLOCK_GETTIME:   {Name: "clock_gettime", Does: Tells, Timeout: None, Rest: None},
		unix.SYS_GETTIMEOFDAY:    {Name: "gettimeofday", Does: Tells, Timeout: None, Rest: None},
		unix.SYS_NANOSLEEP:       {Name: "nanosleep", Does: Sleeps, Timeout: 0, Unit: Timespec, Rest: 1},
		unix.SYS_CLOCK_NANOSLEEP: {Name: "clock_nanosleep", Does: Sleeps, Timeout: 2, Unit: Timespec, Rest: 3},
		unix.SYS_FUTEX:           {Name: "futex", Does: Awaits, Timeout: 3, Unit: Timespec, Over: timedOut, Rest: None},
		unix.SYS_PPOLL:           {Name: "ppoll", Does: Awaits, Timeout: 2, Unit: Timespec, Rest: None},
		unix.SYS_PSELECT6:        {Name: "pselect6", Does: Awaits, Timeout: 4, Unit: Timespec, Rest: None},
		unix.SYS_EPOLL_PWAIT:     {Name: "epoll_pwait", Does: Awaits, Timeout: 3, Unit: Millis, Rest: None},
		unix.SYS_EPOLL_PWAIT2:    {Name: "epoll_pwait2", Does: Awaits, Timeout: 3, Unit: Timespec, Rest: None},
		unix.SYS_RT_SIGTIMEDWAIT: {Name: "rt_sigtimedwait", Does: Awaits, Timeout: 2, Unit: Timespec, Over: -int64(unix.EAGAIN), Rest: None},
		unix.SYS_SETITIMER:       {Name: "setitimer", Does: Alarms, Timeout: None, Rest: None},
		unix.SYS_TIMER_SETTIME:   {Name: "timer_settime", Does: Alarms, Timeout: None, Rest: None},
		unix.SYS_TIMER_DELETE:    {Name: "timer_delete", Does: Alarms, Timeout: None, Rest: None},
		unix.SYS_TIMER_GETTIME:   {Name: "timer_gettime", Does: Alarms, Timeout: None, Rest: None},
		unix.SYS_GETITIMER:       {Name: "getitimer", Does: Alarms, Timeout: None, Rest: None},
		unix.SYS_TIMERFD_SETTIME: {Name: "timerfd_settime", Does: Alarms, Timeout: None, Rest: None},
	}
	maps.Copy(all, timedOfArchitecture)
	return all
}()
