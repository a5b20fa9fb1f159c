package trace

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// registers are those of a task that is stopped. A call leaves where it goes back
// to in the link register.
func registers(tid int) (u unwound, err error) {
	const frame, link = 29, 30
	var regs unix.PtraceRegsArm64
	if err := unix.PtraceGetRegSetArm64(tid, unix.NT_PRSTATUS, &regs); err != nil {
		return u, err
	}
	return unwound{regs.Pc, regs.Regs[frame], regs.Regs[link]}, nil
}

const longestCall = 4

// endsInCall reports whether code ends in a call, to an address or through a
// register.
func endsInCall(code []byte) bool {
	word := binary.LittleEndian.Uint32(code)
	return word&0xfc000000 == 0x94000000 || word&0xfffffc1f == 0xd63f0000
}
