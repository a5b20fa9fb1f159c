package trace

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// ownClock says whether programs can be put on a case's own clock here.
const ownClock = true

// timekeeper takes the place of what the kernel gives every process to ask for the
// time without a system call. It is written over that, in the process's own copy, and
// answers with the numbers behind it: seconds and nanoseconds of the time of day,
// the same of the time that the machine is up, and the microseconds of the first.
//
//	clock_gettime(edi clock, rsi at):
//	    cmp edi, 11; ja other; mov eax, 1; mov ecx, edi; shl eax, cl; lea rdx, [data]
//	    test eax, 0x921; jnz copy           (the time of day: 0, 5, 8, 11)
//	    test eax, 0x2d2; jz other           (the time up: 1, 4, 6, 7, 9)
//	    add rdx, 16
//	copy:  mov rax, [rdx]; mov [rsi], rax; mov rax, [rdx+8]; mov [rsi+8], rax; xor eax, eax; ret
//	other: mov eax, 228; syscall; ret
//	gettimeofday(rdi at, rsi zone):
//	    test rdi, rdi; jz 1f; mov rax, [data]; mov [rdi], rax; mov rax, [data+32]; mov [rdi+8], rax
//	1:  test rsi, rsi; jz 2f; mov qword [rsi], 0
//	2:  xor eax, eax; ret
//	time(rdi at):
//	    mov rax, [data]; test rdi, rdi; jz 3f; mov [rdi], rax
//	3:  ret
var timekeeper = []byte{
	0x83, 0xff, 0x0b, 0x77, 0x33, 0xb8, 0x01, 0x00, 0x00, 0x00, 0x89, 0xf9, 0xd3, 0xe0, 0x48, 0x8d,
	0x15, 0x6b, 0x00, 0x00, 0x00, 0xa9, 0x21, 0x09, 0x00, 0x00, 0x75, 0x0b, 0xa9, 0xd2, 0x02, 0x00,
	0x00, 0x74, 0x15, 0x48, 0x83, 0xc2, 0x10, 0x48, 0x8b, 0x02, 0x48, 0x89, 0x06, 0x48, 0x8b, 0x42,
	0x08, 0x48, 0x89, 0x46, 0x08, 0x31, 0xc0, 0xc3, 0xb8, 0xe4, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xc3,
	0x48, 0x85, 0xff, 0x74, 0x15, 0x48, 0x8b, 0x05, 0x34, 0x00, 0x00, 0x00, 0x48, 0x89, 0x07, 0x48,
	0x8b, 0x05, 0x4a, 0x00, 0x00, 0x00, 0x48, 0x89, 0x47, 0x08, 0x48, 0x85, 0xf6, 0x74, 0x07, 0x48,
	0xc7, 0x06, 0x00, 0x00, 0x00, 0x00, 0x31, 0xc0, 0xc3, 0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00,
	0x48, 0x85, 0xff, 0x74, 0x03, 0x48, 0x89, 0x07, 0xc3, 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00,
}

// Where the parts of the timekeeper begin, and what it answers with.
const (
	atTimeOfDay = 0x40
	atTime      = 0x69
	atData      = 0x80
	answerSize  = 40
)

// questions are where the kernel's own answers begin, from the beginning of its
// page on.
type questions struct{ clock, timeOfDay, time uint64 }

// asked finds them. They are the same in every process.
var asked = sync.OnceValues(func() (q questions, err error) {
	base, err := vdsoOf(unix.Getpid())
	if err != nil {
		return q, err
	}
	image := make([]byte, 64<<10)
	n, _ := peek(unix.Getpid(), base, image) // as much as there is
	f, err := elf.NewFile(bytes.NewReader(image[:n]))
	if err != nil {
		return q, err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return q, err
	}
	for _, s := range symbols {
		switch s.Name {
		case "__vdso_clock_gettime":
			if q.clock = s.Value; s.Size < atData+answerSize {
				return q, errors.New("there is no room in the kernel's page")
			}
		case "__vdso_gettimeofday":
			q.timeOfDay = s.Value
		case "__vdso_time":
			q.time = s.Value
		}
	}
	if q.clock == 0 || q.timeOfDay == 0 || q.time == 0 {
		return q, errors.New("the kernel's page is another than is known")
	}
	return q, nil
})

// vdsoOf is where that page begins in a process.
func vdsoOf(pid int) (uintptr, error) {
	const sysinfo = 33 // AT_SYSINFO_EHDR
	vector := slurp("/proc/" + strconv.Itoa(pid) + "/auxv")
	for ; len(vector) >= 16; vector = vector[16:] {
		if binary.NativeEndian.Uint64(vector) == sysinfo {
			return uintptr(binary.NativeEndian.Uint64(vector[8:])), nil
		}
	}
	return 0, errors.New("it has no page of the kernel's")
}

// installTimekeeper has a process that has just begun a program ask the timekeeper,
// and returns where that finds its answers.
func installTimekeeper(pid int) (told uintptr, err error) {
	q, err := asked()
	if err != nil {
		return 0, err
	}
	base, err := vdsoOf(pid)
	if err != nil {
		return 0, err
	}
	home := base + uintptr(q.clock)
	if err := force(pid, home, timekeeper); err != nil {
		return 0, fmt.Errorf("its memory cannot be written: %w", err)
	}
	for from, to := range map[uint64]uintptr{q.timeOfDay: home + atTimeOfDay, q.time: home + atTime} {
		at := base + uintptr(from)
		jump := binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(int32(int64(to)-int64(at)-5)))
		if err := force(pid, at, jump); err != nil {
			return 0, err
		}
	}
	return home + atData, nil
}

// endless changes a wait at its entry stop so that it has no end: a sleep becomes a
// pause.
func endless(tid int, row syscalls.Timing) {
	var regs unix.PtraceRegs
	if unix.PtraceGetRegs(tid, &regs) != nil {
		return
	}
	if row.Does == syscalls.Sleeps {
		regs.Orig_rax = unix.SYS_PAUSE
	} else {
		value := uint64(0)
		if row.Unit == syscalls.Millis {
			value = 1<<32 - 1
		}
		*argument(&regs, row.Timeout) = value
	}
	unix.PtraceSetRegs(tid, &regs)
}

func argument(regs *unix.PtraceRegs, i int) *uint64 {
	return []*uint64{&regs.Rdi, &regs.Rsi, &regs.Rdx, &regs.R10, &regs.R8, &regs.R9}[i]
}

// restored puts back what endless has changed, at the exit stop, and returns the
// result of the call.
func restored(tid int, w *wait) int64 {
	var regs unix.PtraceRegs
	if unix.PtraceGetRegs(tid, &regs) != nil {
		return 0
	}
	*argument(&regs, w.Timeout) = w.args[w.Timeout]
	unix.PtraceSetRegs(tid, &regs)
	return int64(regs.Rax)
}

// instead makes the call at an entry stop not happen, and return a result.
func instead(tid int, result int64) {
	var regs unix.PtraceRegs
	if unix.PtraceGetRegs(tid, &regs) == nil {
		regs.Orig_rax, regs.Rax = ^uint64(0), uint64(result)
		unix.PtraceSetRegs(tid, &regs)
	}
}

// again has a call made once more that was just interrupted.
func again(tid, nr int) {
	var regs unix.PtraceRegs
	if unix.PtraceGetRegs(tid, &regs) == nil {
		regs.Orig_rax, regs.Rax = ^uint64(0), uint64(nr)
		regs.Rip -= 2 // the instruction's
		unix.PtraceSetRegs(tid, &regs)
	}
}
