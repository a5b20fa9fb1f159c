package trace

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const auditArch = unix.AUDIT_ARCH_AARCH64

const regsetSystemCall = 0x404 // NT_ARM_SYSTEM_CALL

// injection runs system calls in a program stopped at its exec.
type injection struct {
	pid     int
	saved   unix.PtraceRegsArm64
	text    [8]byte
	scratch uintptr // memory under the stack, free until the program runs
}

func newInjection(pid int) (*injection, error) {
	in := &injection{pid: pid}
	if err := unix.PtraceGetRegSetArm64(pid, unix.NT_PRSTATUS, &in.saved); err != nil {
		return nil, err
	}
	pc := uintptr(in.saved.Pc)
	if _, err := unix.PtracePeekText(pid, pc, in.text[:]); err != nil {
		return nil, err
	}
	if _, err := unix.PtracePokeText(pid, pc, []byte{0x01, 0x00, 0x00, 0xd4}); err != nil { // svc #0
		return nil, err
	}
	in.scratch = uintptr(in.saved.Sp)&^15 - scratchSize
	return in, nil
}

func (in *injection) call(nr int, a0, a1, a2 uint64) error {
	regs := in.saved
	regs.Regs[8] = uint64(nr)
	regs.Regs[0], regs.Regs[1], regs.Regs[2], regs.Regs[3], regs.Regs[4] = a0, a1, a2, 0, 0
	if err := unix.PtraceSetRegSetArm64(in.pid, unix.NT_PRSTATUS, &regs); err != nil {
		return err
	}
	if err := trap(in.pid); err != nil {
		return err
	}
	if err := unix.PtraceGetRegSetArm64(in.pid, unix.NT_PRSTATUS, &regs); err != nil {
		return err
	}
	return result(int64(regs.Regs[0]))
}

func (in *injection) restore() error {
	if _, err := unix.PtracePokeText(in.pid, uintptr(in.saved.Pc), in.text[:]); err != nil {
		return err
	}
	return unix.PtraceSetRegSetArm64(in.pid, unix.NT_PRSTATUS, &in.saved)
}

// skip makes the call at an entry stop not happen.
func skip(tid int) error {
	nr := int32(-1)
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&nr)), Len: 4}
	return ptrace(unix.PTRACE_SETREGSET, tid, regsetSystemCall, uintptr(unsafe.Pointer(&iov)))
}

// setResult replaces the result of a call at its exit stop.
func setResult(tid int, value int64) error {
	var regs unix.PtraceRegsArm64
	if err := unix.PtraceGetRegSetArm64(tid, unix.NT_PRSTATUS, &regs); err != nil {
		return err
	}
	regs.Regs[0] = uint64(value)
	return unix.PtraceSetRegSetArm64(tid, unix.NT_PRSTATUS, &regs)
}

// setFirst replaces the first argument of a call at its entry stop: it has the
// register of the result.
func setFirst(tid int, value uint64) error { return setResult(tid, int64(value)) }
