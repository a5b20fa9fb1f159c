package trace

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// injection runs system calls in a program stopped at its exec.
type injection struct {
	pid     int
	saved   unix.PtraceRegs
	text    [8]byte
	scratch uintptr // memory under the stack, free until the program runs
}

func newInjection(pid int) (*injection, error) {
	in := &injection{pid: pid}
	if err := unix.PtraceGetRegs(pid, &in.saved); err != nil {
		return nil, err
	}
	pc := uintptr(in.saved.Rip)
	if _, err := unix.PtracePeekText(pid, pc, in.text[:]); err != nil {
		return nil, err
	}
	if _, err := unix.PtracePokeText(pid, pc, []byte{0x0f, 0x05}); err != nil { // syscall
		return nil, err
	}
	in.scratch = uintptr(in.saved.Rsp)&^15 - scratchSize
	return in, nil
}

func (in *injection) call(nr int, a0, a1, a2 uint64) error {
	regs := in.saved
	regs.Orig_rax = ^uint64(0)
	regs.Rax, regs.Rdi, regs.Rsi, regs.Rdx = uint64(nr), a0, a1, a2
	regs.R10, regs.R8 = 0, 0
	if err := unix.PtraceSetRegs(in.pid, &regs); err != nil {
		return err
	}
	if err := trap(in.pid); err != nil {
		return err
	}
	if err := unix.PtraceGetRegs(in.pid, &regs); err != nil {
		return err
	}
	return result(int64(regs.Rax))
}

func (in *injection) restore() error {
	if _, err := unix.PtracePokeText(in.pid, uintptr(in.saved.Rip), in.text[:]); err != nil {
		return err
	}
	return unix.PtraceSetRegs(in.pid, &in.saved)
}

// skip makes the call at an entry stop not happen.
func skip(tid int) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	regs.Orig_rax = ^uint64(0)
	return unix.PtraceSetRegs(tid, &regs)
}

// setFirst replaces the first argument of a call at its entry stop.
func setFirst(tid int, value uint64) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	regs.Rdi = value
	return unix.PtraceSetRegs(tid, &regs)
}

// setResult replaces the result of a call at its exit stop.
func setResult(tid int, value int64) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	regs.Rax = uint64(value)
	return unix.PtraceSetRegs(tid, &regs)
}
