package trace

import (
	"fmt"
	"maps"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// tracer drives the processes of one case. All its methods belong on the
// thread that made it.
type tracer struct {
	dir      string   // the case's directory, without symbolic links
	in       []string // what belongs to it and is elsewhere, likewise
	tasks    map[int]*task
	fixed    map[string]bool  // files of the directory that nobody changes
	early    map[int]bool     // stopped before their parent told of them
	pids     map[int]*process // every process so far
	names    []string         // first names of all files so far, by their numbers, from 1
	injected []injected
	every    bool            // call that concerns the case is a step
	hold     bool            // a server's next call while it serves, until it may be made
	stirred  map[*actor]bool // actors that got a signal in the last step
	watch    *watch
	scene    scene
	inodes   map[uint64]int    // files by their inode, unlinked ones included
	now      int               // number of the step
	sockets  map[string]string // names of sockets, as descriptors call them
	mapped   map[string]bool   // files that a process has in its memory
	noticed  map[string]bool   // what nobody can follow
	onNotice func(actor, what string)
	slept    bool            // somebody went on after he had slept, or set an alarm
	napped   bool            // somebody took a nap while it was last waited for rest
	done     <-chan struct{} // closed when all must end at once, or nil
	ends     []*process      // that ended in the last step
	// elsewhere has the files outside of the directory that servers touch: who, and
	// whether to change them.
	elsewhere map[string]map[string]bool
	// outside has the files outside of the directory that calls name, and
	// whether one may change them; nil where nobody wants to know.
	outside map[string]bool
	// stranger is the process that has a dead one's pid, where the case has one.
	stranger int
	outputs  map[*actor]*output
	as       *syscall.Credential // whom the programs run as, or nil for who runs this
	timing   timing              // at which calls programs are stopped
	clock    *clock              // of the case's own, or nil where programs go by the machine's
	symbols  map[string]*symbols // of the files that have code, by their paths
	grown    int64               // bytes that have come to the files since they were added up
	excess   error               // the case takes more than it may, or nil
}

// process is one process of an actor; its lane is what it is called in events:
// the actor's name, for all but the first with a number behind it.
type process struct {
	pid    int
	number int // counted as they begin
	actor  *actor
	lane   string
	round  int            // of its actor
	calls  map[string]int // so far, of those that are made to fail
	moved  bool           // it has made a step
	parked bool           // it tries the same for ever, until somebody else moves
	tasks  []*task
	locks  []held
	ended  bool
	orphan bool // it outlived its server
	bereft bool // by a crash
	heir   bool // by one before its server served: it goes on with the start
	status unix.WaitStatus
	parent *process       // that of the case which began it, or nil
	alarms map[int]*alarm // that it has set, by their numbers
	told   uintptr        // where it is told what time it is, or 0
}

type taskState int

const (
	running  taskState = iota
	pending            // at the entry of a call that touches the directory
	stepping           // on the way to the exit of that call
)

// task is one thread.
type task struct {
	tid   int
	proc  *process
	state taskState
	call  call // that it is stopped before, or that goes on
	made  call // as a step, the last
	fresh bool // its first stop, a SIGSTOP, is still to come
	// vforked says that the last it was seen to do is to begin a process that it
	// waits for.
	vforked bool
	wait    *wait // that it is in, and the clock ends, or nil
	broken  *wait // the same that a signal has just interrupted
	// result of the step, once it is over
	done    bool
	outcome string
	shown   string
}

func newTracer(dir string) *tracer {
	return &tracer{dir: dir, inodes: map[uint64]int{}, sockets: map[string]string{}, mapped: map[string]bool{}, noticed: map[string]bool{}, tasks: map[int]*task{}, fixed: map[string]bool{}, elsewhere: map[string]map[string]bool{}, early: map[int]bool{}, pids: map[int]*process{}, outputs: map[*actor]*output{}, stirred: map[*actor]bool{}}
}

func (t *tracer) addProcess(pid int, a *actor, first bool) *process {
	p := &process{pid: pid, number: len(t.pids) + 1, actor: a, lane: a.name, round: a.round}
	if !first {
		p.lane = a.freeLane()
	}
	a.procs = append(a.procs, p)
	t.pids[pid] = p
	return p
}

func (t *tracer) addTask(tid int, p *process) *task {
	k := &task{tid: tid, proc: p}
	p.tasks = append(p.tasks, k)
	t.tasks[tid] = k
	return k
}

func (t *tracer) removeTask(k *task) {
	delete(t.tasks, k.tid)
	for i, other := range k.proc.tasks {
		if other == k {
			k.proc.tasks = append(k.proc.tasks[:i], k.proc.tasks[i+1:]...)
			return
		}
	}
}

// start begins a process of the actor, in the case's directory, and leaves it
// running.
func (t *tracer) start(a *actor, first bool, argv, env []string, files []uintptr) (*process, error) {
	pid, err := spawn(argv, env, t.dir, files, t.timing, t.as)
	if err != nil {
		return nil, err
	}
	p := t.addProcess(pid, a, first)
	k := t.addTask(pid, p)
	t.noteRights(k)
	t.keepTime(p)
	t.resume(k, 0)
	return p, nil
}

// resume lets a task go on, in the middle of a step or a wait to the exit of its
// call.
func (t *tracer) resume(k *task, sig unix.Signal) {
	request := unix.PTRACE_CONT
	if k.state == stepping || k.wait != nil {
		request = unix.PTRACE_SYSCALL
	}
	// A task that was killed meanwhile is gone; its end will be reported.
	ptrace(request, k.tid, 0, uintptr(sig))
}

// poll handles one report of the kernel, if there is one. The system call is
// made as one that returns at once: for another kind the Go runtime would look
// for other work in the meantime, which takes longer than the call.
func (t *tracer) poll() bool {
	var status int32
	tid, _, errno := unix.RawSyscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&status)), unix.WNOHANG|unix.WALL|unix.WNOTHREAD, 0, 0, 0)
	if errno != 0 || tid == 0 {
		return false
	}
	t.handle(int(tid), unix.WaitStatus(status))
	return true
}

// pause sleeps, in the same way.
func pause(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// wait handles the next report, which must be sure to come.
func (t *tracer) wait() {
	var status unix.WaitStatus
	tid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
	if err == nil {
		t.handle(tid, status)
	}
}

func (t *tracer) handle(tid int, status unix.WaitStatus) {
	k := t.tasks[tid]
	if k != nil {
		k.vforked = status.TrapCause() == unix.PTRACE_EVENT_VFORK
	}
	switch {
	case k == nil:
		t.early[tid] = status.Stopped()
	case status.Exited(), status.Signaled():
		t.removeTask(k)
		if k.state == stepping {
			k.done, k.outcome = true, "gone"
		}
		if tid == k.proc.pid {
			k.proc.ended, k.proc.status = true, status
			t.ends = append(t.ends, k.proc)
			k.proc.actor.history = append(k.proc.actor.history, fmt.Sprintf("{%s} ends %v", k.proc.lane, status))
		}
	case status.StopSignal() == unix.SIGTRAP|0x80 && k.wait != nil:
		t.awoken(k)
	case status.StopSignal() == unix.SIGTRAP|0x80:
		t.finish(k)
	case status.StopSignal() == unix.SIGTRAP && status.TrapCause() > 0:
		t.event(k, status.TrapCause())
	default:
		t.signal(k, status.StopSignal())
	}
}

// finish takes the result of a step at the exit stop and lets the task run.
func (t *tracer) finish(k *task) {
	var info stopInfo
	if fault := k.call.fault; fault != 0 {
		setResult(k.tid, -int64(fault))
		k.outcome = unix.ErrnoName(fault)
	} else if err := syscallInfo(k.tid, &info); err == nil {
		k.outcome, k.shown = t.outcome(k.tid, k.call, int64(info.Nr)), t.shown(k, int64(info.Nr))
		if k.call.Name == "bind" && int64(info.Nr) == 0 && k.call.file != "" {
			t.sockets[fdPath(k.tid, int(int32(k.call.args[0])))] = k.call.file
		}
	}
	k.done, k.state = true, running
	t.resume(k, 0)
}

func (t *tracer) event(k *task, cause int) {
	switch cause {
	case unix.PTRACE_EVENT_SECCOMP:
		var info stopInfo
		if err := syscallInfo(k.tid, &info); err == nil {
			if t.timed(k, &info) {
				return
			}
			if int(info.Nr) == unix.SYS_CLONE { // which is stopped only if nobody is to hear of the child
				setFirst(k.tid, info.Args[0]&^unix.CLONE_UNTRACED)
			}
			if c, ok := t.decode(k, &info); ok {
				c.sleeps, c.words = t.sleeps(c), t.detail(k.tid, c)
				c.fault = t.injectedInto(k.proc, c.Name)
				t.guard(&c)
				k.state, k.call = pending, c
				if k.proc.actor.phase == serving && !t.hold {
					t.patrol(k)
				}
				return
			}
		}
	case unix.PTRACE_EVENT_CLONE, unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK:
		if child, err := unix.PtraceGetEventMsg(k.tid); err == nil {
			t.adopt(k, int(child))
		}
	case unix.PTRACE_EVENT_EXEC:
		k = t.replaced(k)
		t.noteRights(k)
		t.keepTime(k.proc)
	}
	t.resume(k, 0)
}

// guard refuses a kill that would leave the case: a daemon that trusts a pid
// file can be made to kill anything.
func (t *tracer) guard(c *call) {
	if c.signal() == 0 || c.target == 0 {
		return
	}
	p := t.pids[max(c.target, -c.target)]
	switch {
	case p == nil:
		c.fault, c.wild = unix.EPERM, c.target == -1
	case p.ended:
		c.fault = unix.ESRCH
	}
}

// stir notes that a kill that was made has something for another actor to do.
func (t *tracer) stir(c call) {
	p := t.pids[max(c.target, -c.target)]
	if c.signal() == 0 || p == nil || c.fault != 0 {
		return
	}
	t.stirred[p.actor] = true
	p.actor.history = append(p.actor.history, fmt.Sprintf("{%s} gets %v", p.lane, c.signal()))
	switch c.signal() {
	case unix.SIGTERM, unix.SIGINT, unix.SIGQUIT:
		if p.actor.phase == serving {
			p.actor.phase = stopping
		}
	}
}

// patrol makes a call of a server that looks around from time to time. When
// it does so is chance, so it must find nothing new: a lock is refused, and no
// file made. What it does when it finds something is seen when it is waited
// for, as a step.
func (t *tracer) patrol(k *task) {
	var st unix.Stat_t
	makes := k.call.Does(syscalls.Creates|syscalls.Makes) && unix.Lstat(t.path(k.call.file), &st) != nil
	if makes || k.call.Does(syscalls.Locks) && !k.unlocks() {
		k.call.fault = unix.EWOULDBLOCK
	}
	if k.call.fault != 0 {
		skip(k.tid)
	}
	k.state = stepping
	t.resume(k, 0)
}

// adopt makes a new thread or process of k known.
func (t *tracer) adopt(parent *task, tid int) {
	p := parent.proc
	if threadGroup(tid) != p.pid {
		p = t.addProcess(tid, p.actor, false)
		p.parent, p.told = parent.proc, parent.proc.told
	}
	k := t.addTask(tid, p)
	k.fresh = true
	t.admit(k)
	if stopped, known := t.early[tid]; known {
		delete(t.early, tid)
		if !stopped { // killed before it was known
			t.removeTask(k)
			p.ended = p.pid == tid
			return
		}
		k.fresh = false
		t.resume(k, 0)
	}
}

// replaced notes that an exec succeeded and returns the one task that is left,
// which has the id of the process now.
func (t *tracer) replaced(k *task) *task {
	if tid, err := unix.PtraceGetEventMsg(k.tid); err == nil && t.tasks[int(tid)] != nil {
		k = t.tasks[int(tid)]
	}
	for _, other := range k.proc.tasks {
		delete(t.tasks, other.tid)
	}
	if k.state == stepping {
		k.done, k.outcome = true, "ok"
	}
	k.tid, k.state, k.wait, k.broken = k.proc.pid, running, nil, nil
	k.proc.tasks = []*task{k}
	maps.DeleteFunc(k.proc.alarms, func(id int, _ *alarm) bool { return id != theAlarm })
	t.tasks[k.tid] = k
	return k
}

// signal passes a signal on. Job control stops are not: nobody would end them.
func (t *tracer) signal(k *task, sig unix.Signal) {
	if k.fresh && sig == unix.SIGSTOP {
		k.fresh = false
		sig = 0
	}
	switch sig {
	case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		sig = 0
	}
	t.restart(k, sig)
	t.resume(k, sig)
}

// step makes the pending call of k happen. If it may sleep, settle waits for
// its end.
func (t *tracer) step(k *task) {
	t.stir(k.call)
	k.proc.moved = true
	if k.call.fault != 0 {
		skip(k.tid)
	}
	t.tell(k.proc)
	k.state, k.made, k.done, k.shown = stepping, k.call, false, ""
	t.resume(k, 0)
	for !k.done && !k.call.sleeps {
		t.wait()
	}
}

// next is the task whose call is the process's next step, or nil.
func (p *process) next() *task {
	for _, k := range p.tasks {
		if k.state == pending {
			return k
		}
	}
	return nil
}

// blocked is the task whose call sleeps until another process moves, or nil. A
// server that only looks around is not blocked.
func (p *process) blocked() *task {
	for _, k := range p.tasks {
		if k.state == stepping && k.call.sleeps {
			return k
		}
	}
	return nil
}

// end kills everything and waits until nothing is left.
func (t *tracer) end() {
	for pid, p := range t.pids {
		if !p.ended {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
	for tid := range t.early {
		unix.Kill(tid, unix.SIGKILL)
	}
	for {
		var status unix.WaitStatus
		tid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		if status.Stopped() {
			unix.Kill(tid, unix.SIGKILL)
		}
	}
}

// lockThread ties the calling goroutine to a thread that has no children, and
// gives that fine timers. A child that another goroutine has begun there would
// be waited for as if it belonged to the case, and that goroutine would never
// learn how it ended.
func lockThread() {
	clean := make(chan struct{})
	defer close(clean)
	for runtime.LockOSThread(); hasChildren(); runtime.LockOSThread() {
		runtime.UnlockOSThread()
		taken := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			close(taken)
			<-clean
		}()
		<-taken
	}
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// hasChildren reports whether the calling thread has any.
func hasChildren() bool {
	return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL|unix.WNOTHREAD, nil) != unix.ECHILD
}
