package proc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is all the processes of one case, which end together: on command, or
// when this process is gone. They are a job object that ends with its last
// handle. Each server has a console to itself, into which a warden presses
// the keys that stop it: only who shares a console can, and this process must
// keep its own.
type group struct {
	job     windows.Handle
	warden  *exec.Cmd // nil in a group of which nobody is stopped by a key
	orders  io.WriteCloser
	answers *bufio.Reader // a line for each order, empty for a success

	mu    sync.RWMutex // held for reading during a start: who joins is there to be killed
	ended bool

	joining sync.Mutex
	members []*os.Process

	sending sync.Mutex
}

func newGroup() (*group, error) {
	g, err := newUnstoppable()
	if err != nil {
		return nil, err
	}
	if err := g.startWarden(); err != nil {
		windows.CloseHandle(g.job)
		return nil, err
	}
	return g, nil
}

// newUnstoppable returns a group without a warden, which takes longer to start
// than many a command takes.
func newUnstoppable() (*group, error) {
	job, err := newJob()
	return &group{job: job}, err
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

func (g *group) startWarden() error {
	cmd, err := again("warden")
	if err != nil {
		return err
	}
	if g.orders, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	g.warden, g.answers = cmd, bufio.NewReader(out)
	return g.start(cmd)
}

// ward is the warden of a group: it reads the ids of processes, and presses
// CTRL_C on the console of each.
func ward() int {
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		pid, err := strconv.Atoi(orders.Text())
		if err == nil {
			err = press(pid)
		}
		if err == nil {
			err = errors.New("")
		}
		fmt.Println(err)
	}
	return 0
}

var (
	kernel32      = windows.NewLazySystemDLL("kernel32.dll")
	attachConsole = kernel32.NewProc("AttachConsole")
	freeConsole   = kernel32.NewProc("FreeConsole")
	ignoreCtrlC   = kernel32.NewProc("SetConsoleCtrlHandler")
)

// press sends CTRL_C, since Wine takes CTRL_BREAK for the end of a process.
func press(pid int) error {
	for n := 0; ; n++ {
		freeConsole.Call() // fails where there is none
		attached, _, err := attachConsole.Call(uintptr(pid))
		if attached != 0 {
			break
		}
		// A process that has only just started has no console yet.
		if n == 500 || ends(pid, time.Millisecond) {
			return fmt.Errorf("AttachConsole: %w", err)
		}
	}
	ignoreCtrlC.Call(0, 1) // it is for the others
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, 0)
}

// enclose puts this process into a job of its own, which every process that
// it starts is then born into: none escapes between its start and its group.
// The handle stays open until the system closes it at the end. Where jobs do
// not nest, the groups have to do.
func enclose() error {
	ignoreCtrlC.Call(0, 0) // servers inherit that this process ignores it, if it does
	job, err := newJob()
	if err == nil {
		windows.AssignProcessToJobObject(job, windows.CurrentProcess())
	}
	return err
}

// start starts cmd as a member.
func (g *group) start(cmd *exec.Cmd) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.ended {
		return errEnded
	}
	apart(cmd)
	if err := cmd.Start(); err != nil { // takes its time, in which others start as well
		return err
	}
	g.joining.Lock()
	g.members = append(g.members, cmd.Process)
	g.joining.Unlock()
	return cmd.Process.WithHandle(func(h uintptr) {
		// A process that has ended already is no member and needs no end.
		windows.AssignProcessToJobObject(g.job, windows.Handle(h))
	})
}

// pid returns a process that lives as long as the group and is no server.
func (g *group) pid() int { return g.warden.Process.Pid }

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
	if g.warden != nil {
		g.warden.Wait()
	}
	windows.CloseHandle(g.job)
}

// apart keeps cmd from what befalls this process: it gets a console of its
// own, which nobody sees.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
}

// send does what Windows has for a signal: CTRL_C, or the end.
func (g *group) send(pid int, name string) error {
	if name != "kill" {
		return g.order(pid)
	}
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	return windows.TerminateProcess(h, 1)
}

// signalOf finds none: Windows has only exit codes.
func signalOf(*os.ProcessState) (string, int) { return "", 0 }

// order has the warden press CTRL_C on the console of process pid.
func (g *group) order(pid int) error {
	g.sending.Lock()
	defer g.sending.Unlock()
	if _, err := fmt.Fprintln(g.orders, pid); err != nil {
		return err
	}
	line, err := g.answers.ReadString('\n')
	if line = strings.TrimSpace(line); err == nil && line != "" {
		err = errors.New(line)
	}
	return err
}

// gone waits until a process has ended, and reports whether it can tell.
func gone(pid int) bool { return ends(pid, 500*time.Millisecond) }

func ends(pid int, within time.Duration) bool {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return err == windows.ERROR_INVALID_PARAMETER // no such process
	}
	defer windows.CloseHandle(h)
	event, err := windows.WaitForSingleObject(h, uint32(within/time.Millisecond))
	return err == nil && event == windows.WAIT_OBJECT_0
}

func reserve(path string) (func(), error) { return nil, errors.ErrUnsupported }
