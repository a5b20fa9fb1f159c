package syscalls

import "golang.org/x/sys/unix"

// ofArchitecture are the calls that go by another name here.
var ofArchitecture = map[int]Call{}

var ignoredOfArchitecture = []group{
	{"it is no call, but where those of an architecture's own would begin", []int{unix.SYS_ARCH_SPECIFIC_SYSCALL}},
}
