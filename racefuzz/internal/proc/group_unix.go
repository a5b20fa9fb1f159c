//go:build unix

package proc

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// group is all the processes of one case, which end together: on command, or
// when this process is gone. They are a process group, so that a key pressed
// in the terminal does not reach them, whose leader kills it in the end.
type group struct {
	leader *exec.Cmd
	life   io.WriteCloser // its end is the group's

	mu    sync.RWMutex // held for reading during a start: who joins is there to be killed
	ended bool
}

func newGroup() (*group, error) {
	cmd, err := again("warden")
	if err != nil {
		return nil, err
	}
	apart(cmd)
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &group{leader: cmd, life: life}, nil
}

// newUnstoppable returns a group of which nobody is asked to stop.
func newUnstoppable() (*group, error) { return newGroup() }

// ward is the leader of a group.
func ward() int {
	io.Copy(io.Discard, os.Stdin)
	syscall.Kill(0, syscall.SIGKILL)
	return 0
}

// start starts cmd as a member.
func (g *group) start(cmd *exec.Cmd) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.ended {
		return errEnded
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.leader.Process.Pid}
	return cmd.Start()
}

// pid returns a process that lives as long as the group and does nothing.
func (g *group) pid() int { return g.leader.Process.Pid }

// kill ends every member.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return
	}
	g.ended = true
	syscall.Kill(-g.leader.Process.Pid, syscall.SIGKILL)
	g.leader.Wait()
	g.life.Close()
}

// apart keeps cmd from what befalls this process's group.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// enclose prepares this process for having groups.
func enclose() error { return nil }

var signals = map[string]syscall.Signal{
	"term": syscall.SIGTERM,
	"int":  syscall.SIGINT,
	"hup":  syscall.SIGHUP,
	"kill": syscall.SIGKILL,
}

// send sends a signal by its name.
func (g *group) send(pid int, name string) error { return syscall.Kill(pid, signals[name]) }

// signalOf is the name and the number of the signal that ended a process; "" if
// none did.
func signalOf(state *os.ProcessState) (string, int) {
	status, is := state.Sys().(syscall.WaitStatus)
	if !is || !status.Signaled() {
		return "", 0
	}
	return unix.SignalName(status.Signal()), int(status.Signal())
}

// gone waits until a process that is not a child of this one has ended, and
// reports whether it can tell. Its parent may be slow to take note of its
// end, so a zombie counts as ended.
func gone(pid int) bool {
	for range 500 {
		if syscall.Kill(pid, 0) == syscall.ESRCH || zombie(pid) {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// reserve opens both ends of a FIFO at path, so that whoever waits for the
// other end goes on. It returns what gives it up.
func reserve(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}
