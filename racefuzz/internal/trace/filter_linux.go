package trace

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// scratchSize holds the filter with its header.
const scratchSize = 8192

// Offsets in struct seccomp_data.
const (
	dataNr   = 0
	dataArch = 4
	dataArgs = 16
)

// filter stops the program at the calls of the table that are not ignored, at
// those that are newer than the table, and at those of another architecture (a
// 32-bit program), so that these can be told of. It lets all others run. io_uring
// would go round the filter, so it does not exist; nor does clone3, for which libraries
// take clone, whose flags can be seen here: nobody may begin a process that the
// tracer does not hear of. Which of the calls are stopped that have to do with time,
// depends on the case.
func filter(about timing) []unix.SockFilter {
	load := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	ret := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	jump := func(op uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	prog := []unix.SockFilter{
		load(dataArch),
		jump(unix.BPF_JEQ, auditArch, 1, 0),
		ret(unix.SECCOMP_RET_TRACE),
		load(dataNr),
		jump(unix.BPF_JEQ, unix.SYS_IO_URING_SETUP, 0, 1),
		ret(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)),
		jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1),
		ret(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)),
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4),
		load(dataArgs),
		jump(unix.BPF_JSET, unix.CLONE_UNTRACED, 0, 1),
		ret(unix.SECCOMP_RET_TRACE),
		ret(unix.SECCOMP_RET_ALLOW),
	}
	only := func(nr int, tests []unix.SockFilter) {
		prog = append(append(prog, jump(unix.BPF_JEQ, uint32(nr), 0, uint8(len(tests)))), tests...)
	}
	within := func(test syscalls.Test) []unix.SockFilter {
		return []unix.SockFilter{load(dataArgs + 8*uint32(test.Arg)), jump(unix.BPF_JGE, test.Min, 0, 2), jump(unix.BPF_JGT, test.Max, 1, 0), ret(unix.SECCOMP_RET_TRACE)}
	}
	if about != nothing {
		for nr, row := range syscalls.AllTimed() {
			if about == alarms && row.Does != syscalls.Alarms {
				continue
			}
			var tests []unix.SockFilter
			switch at := dataArgs + 8*uint32(max(row.Timeout, 0)); {
			case row.Name == "clock_gettime":
				for _, test := range wallClocks {
					tests = append(tests, within(test)...)
				}
				tests = append(tests, ret(unix.SECCOMP_RET_ALLOW))
			case row.Timeout == syscalls.None:
				tests = append(tests, ret(unix.SECCOMP_RET_TRACE))
			case row.Unit == syscalls.Millis: // neither 0 nor without an end
				tests = append(tests, load(at), jump(unix.BPF_JGT, 1<<31-1, 2, 0), jump(unix.BPF_JEQ, 0, 1, 0), ret(unix.SECCOMP_RET_TRACE), ret(unix.SECCOMP_RET_ALLOW))
			default: // an address, in two halves
				tests = append(tests, load(at), jump(unix.BPF_JGT, 0, 2, 0), load(at+4), jump(unix.BPF_JEQ, 0, 1, 0), ret(unix.SECCOMP_RET_TRACE), ret(unix.SECCOMP_RET_ALLOW))
			}
			only(nr, tests)
		}
	}
	last := 0
	for nr, c := range syscalls.All() {
		last = max(last, nr)
		if c.Ignored != "" {
			continue
		}
		var tests []unix.SockFilter
		for _, test := range c.Only {
			if test.Without == 0 {
				tests = append(tests, within(test)...)
				continue
			}
			tests = append(tests, load(dataArgs+8*uint32(test.Arg)), jump(unix.BPF_JSET, test.Without, 1, 0), ret(unix.SECCOMP_RET_TRACE))
		}
		if len(tests) > 0 {
			tests = append(tests, ret(unix.SECCOMP_RET_ALLOW))
		} else {
			tests = append(tests, ret(unix.SECCOMP_RET_TRACE))
		}
		only(nr, tests)
	}
	return append(prog, jump(unix.BPF_JGT, uint32(last), 0, 1), ret(unix.SECCOMP_RET_TRACE), ret(unix.SECCOMP_RET_ALLOW))
}

// timing says at which calls a program is stopped that have to do with time.
type timing int

const (
	nothing timing = iota
	alarms         // those that set one
	everything
)

var filterPrograms = map[timing][]unix.SockFilter{nothing: filter(nothing), alarms: filter(alarms), everything: filter(everything)}

// filterImage is struct sock_fprog followed by its instructions, for addr.
func filterImage(addr uintptr, about timing) []byte {
	filterProgram := filterPrograms[about]
	b := binary.NativeEndian.AppendUint16(nil, uint16(len(filterProgram)))
	b = append(b, make([]byte, 6)...)
	b = binary.NativeEndian.AppendUint64(b, uint64(addr)+16)
	for _, in := range filterProgram {
		b = binary.NativeEndian.AppendUint16(b, in.Code)
		b = append(b, in.Jt, in.Jf)
		b = binary.NativeEndian.AppendUint32(b, in.K)
	}
	return b
}

// result turns the number a call returned into its error.
func result(value int64) error {
	if value < 0 && value > -4096 {
		return unix.Errno(-value)
	}
	return nil
}
