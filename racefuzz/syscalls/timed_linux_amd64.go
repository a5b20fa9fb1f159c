package syscalls

import "golang.org/x/sys/unix"

// timedOfArchitecture are the calls that go by another name here.
var timedOfArchitecture = map[int]Timing{
	unix.SYS_TIME:       {Name: "time", Does: Tells, Timeout: None, Rest: None},
	unix.SYS_POLL:       {Name: "poll", Does: Awaits, Timeout: 2, Unit: Millis, Rest: None},
	unix.SYS_EPOLL_WAIT: {Name: "epoll_wait", Does: Awaits, Timeout: 3, Unit: Millis, Rest: None},
	unix.SYS_SELECT:     {Name: "select", Does: Awaits, Timeout: 4, Unit: Timeval, Rest: None},
	unix.SYS_ALARM:      {Name: "alarm", Does: Alarms, Timeout: None, Rest: None},
}
