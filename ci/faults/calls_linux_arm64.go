package main

import "golang.org/x/sys/unix"

var ofArchitecture = map[int]call{
	unix.SYS_FSTATAT: {"fstatat", 0, 1},
}
