package trace

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// registers are those of a task that is stopped. A call leaves where it goes back
// to on the stack.
func registers(tid int) (u unwound, err error) {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return u, err
	}
	var top [8]byte
	if _, err := peek(tid, uintptr(regs.Rsp), top[:]); err != nil {
		return u, err
	}
	return unwound{regs.Rip, regs.Rbp, binary.NativeEndian.Uint64(top[:])}, nil
}

const longestCall = 7

// endsInCall reports whether code ends in a call, to an address or through a
// register or memory.
func endsInCall(code []byte) bool {
	const near, through = 0xe8, 0xff
	if code[len(code)-5] == near {
		return true
	}
	for _, size := range []int{2, 3, 4, 6, 7} {
		if at := len(code) - size; code[at] == through && code[at+1]>>3&7 == 2 {
			return true
		}
	}
	return false
}
