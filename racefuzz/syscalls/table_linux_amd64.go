package syscalls

import "golang.org/x/sys/unix"

// ofArchitecture are the calls that newer architectures have no more, where
// another one does the same.
var ofArchitecture = map[int]Call{
	unix.SYS_OPEN:      {Name: "open", Operands: on(path(0, Opens).follow()), Waits: ForPeer, Fails: Opening, Words: []Word{{OpenFlags, 1}}},
	unix.SYS_CREAT:     {Name: "creat", Operands: on(path(0, Opens).follow()), Waits: ForPeer, Fails: Opening, Words: []Word{{OpenFlags, None}}},
	unix.SYS_STAT:      {Name: "stat", Operands: on(path(0, SeesNode).follow()), Fails: Looking, Shows: Shown{Stat, 1}},
	unix.SYS_LSTAT:     {Name: "lstat", Operands: on(path(0, SeesNode)), Fails: Looking, Shows: Shown{Stat, 1}},
	unix.SYS_ACCESS:    {Name: "access", Operands: on(path(0, SeesMode).follow()), Fails: Looking},
	unix.SYS_READLINK:  {Name: "readlink", Operands: on(path(0, SeesContent)), Fails: Looking, Shows: Shown{Bytes, 1}},
	unix.SYS_RENAME:    {Name: "rename", Operands: on(path(0, Takes), path(1, Puts)), Fails: Renaming},
	unix.SYS_LINK:      {Name: "link", Operands: on(path(0, Links), path(1, Makes)), Fails: Making},
	unix.SYS_SYMLINK:   {Name: "symlink", Operands: on(path(1, Makes)), Fails: Making},
	unix.SYS_UNLINK:    {Name: "unlink", Operands: on(path(0, Takes)), Fails: Removing},
	unix.SYS_MKDIR:     {Name: "mkdir", Operands: on(path(0, Makes)), Fails: Making},
	unix.SYS_RMDIR:     {Name: "rmdir", Operands: on(path(0, Takes)), Fails: Removing},
	unix.SYS_MKNOD:     {Name: "mknod", Operands: on(path(0, Makes)), Fails: Making},
	unix.SYS_CHMOD:     {Name: "chmod", Operands: on(path(0, SetsMode).follow()), Words: []Word{{Mode, 1}}},
	unix.SYS_CHOWN:     {Name: "chown", Operands: on(path(0, SetsMode).follow())},
	unix.SYS_LCHOWN:    {Name: "lchown", Operands: on(path(0, SetsMode))},
	unix.SYS_UTIME:     {Name: "utime", Operands: on(path(0, SetsTimes).follow())},
	unix.SYS_UTIMES:    {Name: "utimes", Operands: on(path(0, SetsTimes).follow())},
	unix.SYS_FUTIMESAT: {Name: "futimesat", Operands: on(at(0, 1, SetsTimes).follow())},
	unix.SYS_DUP2:      {Name: "dup2", Operands: on(fd(1, Drops))},
	unix.SYS_GETDENTS:  {Name: "getdents", Operands: on(fd(0, SeesEntries)), Shows: Shown{Bytes, 1}},
	unix.SYS_USELIB:    {Name: "uselib", Operands: on(path(0, SeesContent).follow()), Channel: "maps"},
}

var ignoredOfArchitecture = []group{
	{"every new process and thread is heard of", []int{unix.SYS_FORK, unix.SYS_VFORK}},
	{"it waits for a descriptor or a signal of the caller, and what comes of it is seen", []int{
		unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_PAUSE, unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_WAIT, unix.SYS_SIGNALFD,
	}},
	{"it makes a descriptor that only the processes of one start can share", []int{unix.SYS_PIPE, unix.SYS_EVENTFD, unix.SYS_INOTIFY_INIT}},
	{"time is nothing that another process changes; who sleeps is seen to", []int{unix.SYS_TIME, unix.SYS_ALARM}},
	{"it tells or changes what belongs to the caller alone, or never changes", []int{
		unix.SYS_GETPGRP, unix.SYS_ARCH_PRCTL, unix.SYS_MODIFY_LDT, unix.SYS_GET_THREAD_AREA, unix.SYS_SET_THREAD_AREA, unix.SYS_IOPERM, unix.SYS_IOPL,
		unix.SYS_UPROBE, unix.SYS_URETPROBE,
	}},
	{"what it tells of the whole file system changes with everything that runs on it", []int{unix.SYS_USTAT, unix.SYS_SYSFS}},
	{"the kernel has it no longer, or never had", []int{
		unix.SYS__SYSCTL, unix.SYS_AFS_SYSCALL, unix.SYS_CREATE_MODULE, unix.SYS_EPOLL_CTL_OLD, unix.SYS_EPOLL_WAIT_OLD, unix.SYS_GETPMSG, unix.SYS_PUTPMSG,
		unix.SYS_GET_KERNEL_SYMS, unix.SYS_QUERY_MODULE, unix.SYS_SECURITY, unix.SYS_TUXCALL, unix.SYS_VSERVER,
	}},
}
