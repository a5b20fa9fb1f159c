//go:build amd64 || arm64

package syscalls

import "golang.org/x/sys/unix"

// durable is why calls that write back are ignored.
const durable = "what is written is seen by all who live; only a loss of power would show the difference"

// group is a number of calls that are ignored for one reason.
type group struct {
	reason string
	calls  []int
}

// ignored are the calls that are of no interest on all architectures.
var ignored = []group{
	{"it is about the caller's own memory, and mapping a file is noticed", []int{
		unix.SYS_BRK, unix.SYS_MADVISE, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MPROTECT, unix.SYS_PKEY_MPROTECT, unix.SYS_PKEY_ALLOC, unix.SYS_PKEY_FREE,
		unix.SYS_MLOCK, unix.SYS_MLOCK2, unix.SYS_MLOCKALL, unix.SYS_MUNLOCK, unix.SYS_MUNLOCKALL, unix.SYS_MINCORE, unix.SYS_MSEAL, unix.SYS_MBIND,
		unix.SYS_GET_MEMPOLICY, unix.SYS_SET_MEMPOLICY, unix.SYS_SET_MEMPOLICY_HOME_NODE, unix.SYS_MAP_SHADOW_STACK, unix.SYS_MEMBARRIER,
		unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_REMAP_FILE_PAGES, unix.SYS_USERFAULTFD, unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE,
	}},
	{"it tells or changes what belongs to the caller alone, or never changes", []int{
		unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETRESUID, unix.SYS_GETRESGID,
		unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID, unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_SETFSUID, unix.SYS_SETFSGID,
		unix.SYS_GETGROUPS, unix.SYS_SETGROUPS, unix.SYS_SETSID, unix.SYS_SETPGID, unix.SYS_CAPGET, unix.SYS_CAPSET, unix.SYS_PRCTL, unix.SYS_PERSONALITY,
		unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT, unix.SYS_GETRUSAGE, unix.SYS_UMASK, unix.SYS_SECCOMP, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_CREATE_RULESET,
		unix.SYS_LANDLOCK_RESTRICT_SELF, unix.SYS_LSM_GET_SELF_ATTR, unix.SYS_LSM_SET_SELF_ATTR, unix.SYS_LSM_LIST_MODULES, unix.SYS_UNAME, unix.SYS_GETRANDOM,
		unix.SYS_SET_TID_ADDRESS, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_RSEQ_SLICE_YIELD, unix.SYS_GETCPU,
	}},
	{"it is about signals of the caller, and who sends one is seen", []int{
		unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGSUSPEND, unix.SYS_RT_SIGTIMEDWAIT,
		unix.SYS_SIGALTSTACK, unix.SYS_SIGNALFD4, unix.SYS_RESTART_SYSCALL,
	}},
	{"every new process and thread is heard of, and of a child's end its steps tell", []int{
		unix.SYS_CLONE, unix.SYS_WAIT4, unix.SYS_WAITID,
	}},
	{"time is nothing that another process changes; who sleeps is seen to", []int{
		unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_NANOSLEEP, unix.SYS_GETTIMEOFDAY, unix.SYS_TIMES, unix.SYS_GETITIMER,
		unix.SYS_SETITIMER, unix.SYS_TIMER_CREATE, unix.SYS_TIMER_DELETE, unix.SYS_TIMER_GETOVERRUN, unix.SYS_TIMER_GETTIME, unix.SYS_TIMER_SETTIME,
		unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_GETTIME, unix.SYS_TIMERFD_SETTIME,
	}},
	{"it orders the threads of one process, whose next steps are seen", []int{
		unix.SYS_FUTEX, unix.SYS_FUTEX_WAIT, unix.SYS_FUTEX_WAKE, unix.SYS_FUTEX_WAITV, unix.SYS_FUTEX_REQUEUE, unix.SYS_SCHED_YIELD,
		unix.SYS_SCHED_GET_PRIORITY_MAX, unix.SYS_SCHED_GET_PRIORITY_MIN,
	}},
	{"it waits for a descriptor of the caller, and what is then read is seen", []int{
		unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2, unix.SYS_PPOLL, unix.SYS_PSELECT6,
	}},
	{"it makes a descriptor that only the processes of one start can share, or another name for one", []int{
		unix.SYS_DUP, unix.SYS_PIPE2, unix.SYS_EVENTFD2, unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_RM_WATCH, unix.SYS_FANOTIFY_INIT,
	}},
	{"what is said over a socket is not followed, and that it is bound or connected is noticed", []int{
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT,
		unix.SYS_SETSOCKOPT, unix.SYS_SHUTDOWN, unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
	}},
	{"that the channel it belongs to was opened is noticed", []int{
		unix.SYS_SHMCTL, unix.SYS_SHMDT, unix.SYS_SEMCTL, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_MSGCTL, unix.SYS_MSGRCV, unix.SYS_MSGSND,
		unix.SYS_MQ_GETSETATTR, unix.SYS_MQ_NOTIFY, unix.SYS_MQ_TIMEDRECEIVE, unix.SYS_MQ_TIMEDSEND, unix.SYS_MQ_UNLINK,
		unix.SYS_IO_CANCEL, unix.SYS_IO_DESTROY, unix.SYS_IO_GETEVENTS, unix.SYS_IO_PGETEVENTS, unix.SYS_IO_SUBMIT,
	}},
	{"it is refused, as by a kernel that has none, and clone takes its place", []int{unix.SYS_CLONE3}},
	{"io_uring is refused, as by a kernel that has none", []int{
		unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_IO_URING_SETUP,
	}},
	{durable, []int{unix.SYS_SYNC, unix.SYS_SYNCFS, unix.SYS_MSYNC}},
	{"it is about what the kernel keeps in memory of a file, which nobody can see", []int{
		unix.SYS_FADVISE64, unix.SYS_READAHEAD, unix.SYS_CACHESTAT,
	}},
	{"what it tells of the whole file system or machine changes with everything that runs on it", []int{
		unix.SYS_STATFS, unix.SYS_FSTATFS, unix.SYS_SYSINFO, unix.SYS_SYSLOG, unix.SYS_PERF_EVENT_OPEN, unix.SYS_BPF, unix.SYS_LOOKUP_DCOOKIE,
		unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT, unix.SYS_LISTNS,
	}},
	{"it changes where the caller's own paths lead, which is asked at each call that has one", []int{
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT,
		unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSOPEN, unix.SYS_FSPICK,
	}},
	{"it changes the whole machine, for which no case has the right", []int{
		unix.SYS_ACCT, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME, unix.SYS_CLOCK_SETTIME, unix.SYS_SETTIMEOFDAY, unix.SYS_SETDOMAINNAME, unix.SYS_SETHOSTNAME,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_VHANGUP,
	}},
	{"the kernel has it no longer", []int{unix.SYS_NFSSERVCTL}},
}
