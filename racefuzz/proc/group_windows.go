package proc

import (
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is all the processes of one case, which end together: on command, or
// when this process is gone. They are a job object that ends with its last
// handle.
type group struct {
	job windows.Handle

	mu      sync.Mutex // held during a start: who joins is there to be killed
	ended   bool
	members []*os.Process
}

func newGroup() (*group, error) {
	job, err := newJob()
	if err != nil {
		return nil, err
	}
	return &group{job: job}, nil
}

func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

// enclose puts this process into a job of its own, which every process that
// it starts is then born into: none escapes between its start and its group.
// The handle stays open until the system closes it at the end. Where jobs do
// not nest, the groups have to do.
func enclose() error {
	job, err := newJob()
	if err == nil {
		windows.AssignProcessToJobObject(job, windows.CurrentProcess())
	}
	return err
}

// ward is not needed here.
func ward() int { return 2 }

// start starts cmd as a member. It gets a process group of its own, which is
// what CTRL_BREAK can be sent to.
func (g *group) start(cmd *exec.Cmd) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return errEnded
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		return err
	}
	g.members = append(g.members, cmd.Process)
	return cmd.Process.WithHandle(func(h uintptr) {
		// A process that has ended already is no member and needs no end.
		windows.AssignProcessToJobObject(g.job, windows.Handle(h))
	})
}

// pid returns a process that lives as long as the group and is no server.
func (g *group) pid() int { return os.Getpid() }

// kill ends every member.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return
	}
	g.ended = true
	windows.TerminateJobObject(g.job, 1)
	for _, p := range g.members { // where jobs do not nest
		p.Kill()
	}
	windows.CloseHandle(g.job)
}

// apart keeps cmd from what befalls this process.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// send sends what Windows has for a signal: CTRL_BREAK, or the end. A host's
// server has no process group to itself and shares its host's.
func send(pid int, name string) error {
	if name != "kill" {
		return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(pid))
	}
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	return windows.TerminateProcess(h, 1)
}

// gone waits until a process has ended, and reports whether it can tell.
func gone(pid int) bool {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return err == windows.ERROR_INVALID_PARAMETER // no such process
	}
	defer windows.CloseHandle(h)
	event, err := windows.WaitForSingleObject(h, 500)
	return err == nil && event == windows.WAIT_OBJECT_0
}

func reserve(path string) (func(), error) { return nil, errors.ErrUnsupported }

const nonBlocking = 0

func makeFIFO(path string) error { return errors.ErrUnsupported }
