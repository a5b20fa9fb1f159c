//go:build amd64 || arm64

package syscalls

import (
	"math"

	"golang.org/x/sys/unix"
)

// another says that the argument names another process than the own.
func another(arg int) []Test { return []Test{{Arg: arg, Min: 1, Max: math.MaxUint32}} }

// processes are the calls that are about processes. Whether one lives is told by
// all that fail where it does not.
var processes = map[int]Call{
	unix.SYS_KILL:              {Name: "kill", Operands: on(other(Group, 0, SeesLife|Signals)), Words: []Word{{Signal, 1}}},
	unix.SYS_TKILL:             {Name: "tkill", Operands: on(other(PID, 0, SeesLife|Signals)), Words: []Word{{Signal, 1}}},
	unix.SYS_TGKILL:            {Name: "tgkill", Operands: on(other(PID, 0, SeesLife|Signals)), Words: []Word{{Signal, 2}}},
	unix.SYS_RT_SIGQUEUEINFO:   {Name: "rt_sigqueueinfo", Operands: on(other(PID, 0, SeesLife|Signals)), Words: []Word{{Signal, 1}}},
	unix.SYS_RT_TGSIGQUEUEINFO: {Name: "rt_tgsigqueueinfo", Operands: on(other(PID, 0, SeesLife|Signals)), Words: []Word{{Signal, 2}}},
	unix.SYS_PIDFD_SEND_SIGNAL: {Name: "pidfd_send_signal", Operands: on(other(PIDFD, 0, SeesLife|Signals)), Words: []Word{{Signal, 1}}},
	unix.SYS_PIDFD_OPEN:        {Name: "pidfd_open", Operands: on(other(PID, 0, SeesLife))},

	unix.SYS_GETPPID:       {Name: "getppid", Operands: on(other(Parent, None, SeesLife)), Shows: Shown{Number, None}},
	unix.SYS_GETPGID:       {Name: "getpgid", Operands: on(other(PID, 0, SeesLife)), Only: another(0), Shows: Shown{Number, None}},
	unix.SYS_GETSID:        {Name: "getsid", Operands: on(other(PID, 0, SeesLife)), Only: another(0), Shows: Shown{Number, None}},
	unix.SYS_GETPRIORITY:   {Name: "getpriority", Operands: on(other(PID, 1, SeesLife)), Only: another(1)},
	unix.SYS_SETPRIORITY:   {Name: "setpriority", Operands: on(other(PID, 1, SeesLife)), Only: another(1)},
	unix.SYS_IOPRIO_GET:    {Name: "ioprio_get", Operands: on(other(PID, 1, SeesLife)), Only: another(1)},
	unix.SYS_IOPRIO_SET:    {Name: "ioprio_set", Operands: on(other(PID, 1, SeesLife)), Only: another(1)},
	unix.SYS_PRLIMIT64:     {Name: "prlimit64", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_MIGRATE_PAGES: {Name: "migrate_pages", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_MOVE_PAGES:    {Name: "move_pages", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_KCMP:          {Name: "kcmp", Operands: on(other(PID, 0, SeesLife), other(PID, 1, SeesLife))},

	unix.SYS_SCHED_GETAFFINITY:     {Name: "sched_getaffinity", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_SETAFFINITY:     {Name: "sched_setaffinity", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_GETATTR:         {Name: "sched_getattr", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_SETATTR:         {Name: "sched_setattr", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_GETPARAM:        {Name: "sched_getparam", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_SETPARAM:        {Name: "sched_setparam", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_GETSCHEDULER:    {Name: "sched_getscheduler", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_SETSCHEDULER:    {Name: "sched_setscheduler", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_SCHED_RR_GET_INTERVAL: {Name: "sched_rr_get_interval", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},
	unix.SYS_GET_ROBUST_LIST:       {Name: "get_robust_list", Operands: on(other(PID, 0, SeesLife)), Only: another(0)},

	unix.SYS_EXIT:       {Name: "exit", Operands: on(other(Self, None, Ends|Drops)), Words: []Word{{Status, 0}}},
	unix.SYS_EXIT_GROUP: {Name: "exit_group", Operands: on(other(Self, None, Ends|Drops)), Words: []Word{{Status, 0}}},
}

// channels are the calls by which processes can begin to talk so that nobody
// can follow. That of a socket's name is followed, but not what is said over it.
var channels = map[int]Call{
	unix.SYS_MMAP: {Name: "mmap", Operands: on(fd(4, Maps)), Only: []Test{{Arg: 3, Without: unix.MAP_ANONYMOUS | unix.MAP_DENYWRITE}}, Channel: "maps"},

	unix.SYS_BIND:    {Name: "bind", Operands: on(other(Address, 1, Makes|Talks)), Channel: "has a socket at"},
	unix.SYS_CONNECT: {Name: "connect", Operands: on(other(Address, 1, SeesContent|Talks)), Channel: "connects to"},
	unix.SYS_LISTEN:  {Name: "listen", Operands: on(fd(0, Writes))},
	unix.SYS_SENDTO:  {Name: "sendto", Operands: on(other(Address, 4, SeesContent|Talks)), Only: another(5), Channel: "sends to"},

	unix.SYS_SHMGET:  {Name: "shmget", Channel: "uses System V shared memory"},
	unix.SYS_SHMAT:   {Name: "shmat", Channel: "uses System V shared memory"},
	unix.SYS_SEMGET:  {Name: "semget", Channel: "uses System V semaphores"},
	unix.SYS_MSGGET:  {Name: "msgget", Channel: "uses System V messages"},
	unix.SYS_MQ_OPEN: {Name: "mq_open", Channel: "uses POSIX messages"},

	unix.SYS_IO_SETUP:          {Name: "io_setup", Channel: "uses aio"},
	unix.SYS_OPEN_BY_HANDLE_AT: {Name: "open_by_handle_at", Channel: "opens files by handles"},
	unix.SYS_INOTIFY_ADD_WATCH: {Name: "inotify_add_watch", Operands: on(path(1, SeesMode|Talks).follow()), Channel: "watches"},
	unix.SYS_FANOTIFY_MARK:     {Name: "fanotify_mark", Operands: on(at(3, 4, SeesMode|Talks).follow()), Channel: "watches"},
	unix.SYS_ADD_KEY:           {Name: "add_key", Channel: "uses a keyring"},
	unix.SYS_REQUEST_KEY:       {Name: "request_key", Channel: "uses a keyring"},
	unix.SYS_KEYCTL:            {Name: "keyctl", Channel: "uses a keyring"},
	unix.SYS_PTRACE:            {Name: "ptrace", Channel: "traces a process"},
	unix.SYS_PIDFD_GETFD:       {Name: "pidfd_getfd", Channel: "takes another's descriptor"},
	unix.SYS_PROCESS_VM_READV:  {Name: "process_vm_readv", Channel: "reads another's memory"},
	unix.SYS_PROCESS_VM_WRITEV: {Name: "process_vm_writev", Channel: "writes another's memory"},
}
