package main

import "golang.org/x/sys/unix"

var ofArchitecture = map[int]call{
	unix.SYS_NEWFSTATAT: {"newfstatat", 0, 1},
	unix.SYS_OPEN:       {"open", -1, 0},
	unix.SYS_CREAT:      {"creat", -1, 0},
	unix.SYS_STAT:       {"stat", -1, 0},
	unix.SYS_LSTAT:      {"lstat", -1, 0},
	unix.SYS_ACCESS:     {"access", -1, 0},
	unix.SYS_READLINK:   {"readlink", -1, 0},
	unix.SYS_MKDIR:      {"mkdir", -1, 0},
	unix.SYS_RMDIR:      {"rmdir", -1, 0},
	unix.SYS_UNLINK:     {"unlink", -1, 0},
	unix.SYS_RENAME:     {"rename", -1, 0},
	unix.SYS_LINK:       {"link", -1, 0},
	unix.SYS_CHMOD:      {"chmod", -1, 0},
	unix.SYS_CHOWN:      {"chown", -1, 0},
}
