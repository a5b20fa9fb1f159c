package lock

// Proves what takes several processes: that the lock ends with its process and
// not later, that a refusal names the other process, and that of many who want
// the lock exactly one has it. The test program runs itself in other roles.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const roleVariable = "MEMLATCH_LOCK_TEST_ROLE"

var roles = map[string]func(path string) error{
	"holder":    beHolder,
	"forgetful": beForgetful,
	"parent":    beParent,
	"child":     beChild,
	"contender": beContender,
	"mortal":    beMortal,
	"prober":    beProber,
	"sharer":    beSharer,
}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(os.Args[1]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func untilEnd() error {
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func beHolder(path string) error {
	p, err := Acquire(path)
	if err != nil {
		return err
	}
	fmt.Println("held")
	return errors.Join(untilEnd(), p.Release())
}

// beForgetful holds the pid file without keeping anything that refers to it.
func beForgetful(path string) error {
	if _, err := Acquire(path); err != nil {
		return err
	}
	for range 3 {
		runtime.GC()
	}
	fmt.Println("held")
	return untilEnd()
}

// beParent holds the pid file and has a child that lives until the end of input.
func beParent(path string) error {
	if _, err := Acquire(path); err != nil {
		return err
	}
	child := exec.Command(os.Args[0], path)
	child.Env = append(os.Environ(), roleVariable+"=child")
	child.Stdin, child.Stdout = os.Stdin, os.Stdout
	if err := child.Start(); err != nil {
		return err
	}
	return child.Wait()
}

func beChild(string) error {
	fmt.Println("born")
	return untilEnd()
}

// beContender holds the pid file again and again, and makes sure each time that
// nobody else does and that its own pid is what a reader finds.
func beContender(path string) error {
	const rounds = 20
	for held := 0; held < rounds; {
		p, err := Acquire(path)
		var refusal *HeldError
		if errors.As(err, &refusal) && refusal.PID != os.Getpid() {
			continue
		}
		if err != nil {
			return err
		}
		if err := alone(path); err != nil {
			return err
		}
		if err := errors.Join(p.Check(), p.Release()); err != nil {
			return err
		}
		held++
	}
	return nil
}

func alone(path string) error {
	witness, err := os.OpenFile(path+".witness", os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("two holders: %w", err)
	}
	text, err := os.ReadFile(path)
	if err == nil && string(text) != ownLine {
		err = fmt.Errorf("the holder finds %q", text)
	}
	return errors.Join(err, witness.Close(), os.Remove(witness.Name()))
}

// beMortal is a contender that dies with the lock in the end.
func beMortal(path string) error {
	if err := beContender(path); err != nil {
		return err
	}
	for {
		if _, err := Acquire(path); !errors.Is(err, ErrHeld) {
			return err
		}
	}
}

func beProber(path string) error {
	end := make(chan error)
	go func() { end <- untilEnd() }()
	fmt.Println("probing")
	for {
		select {
		case err := <-end:
			return err
		default:
		}
		if _, err := Probe(path); err != nil {
			return err
		}
	}
}

func beSharer(path string) error {
	b, err := Share(context.Background(), path)
	if err != nil {
		return err
	}
	fmt.Println("held")
	return errors.Join(untilEnd(), b.Release())
}

// process is this program in one of its roles.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	input *os.File
	lines *bufio.Scanner // of it and of its children
}

// patience is for what happens at once unless something is wrong.
const patience = 2 * time.Minute

func start(t *testing.T, role, path string) *process {
	t.Helper()
	theirInput, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	output, theirOutput, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirInput, theirOutput, os.Stderr
	err = cmd.Start()
	theirInput.Close()
	theirOutput.Close()
	if err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		hung.Stop()
		cmd.Process.Kill()
		cmd.Wait()
		input.Close()
		output.Close()
	})
	return &process{t, cmd, input, bufio.NewScanner(output)}
}

// says waits for the process's next line.
func (p *process) says(want string) {
	p.t.Helper()
	if !p.lines.Scan() || p.lines.Text() != want {
		p.t.Fatalf("the process says %q, want %q", p.lines.Text(), want)
	}
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// end waits until the process is done, without its input, and with nothing
// more to say.
func (p *process) end() {
	p.t.Helper()
	p.input.Close()
	p.wait()
}

func (p *process) wait() {
	p.t.Helper()
	for p.lines.Scan() {
		p.t.Errorf("process %d says %q", p.cmd.Process.Pid, p.lines.Text())
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("process %d: %v", p.cmd.Process.Pid, err)
	}
}

func TestRefusalNamesTheOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	var held *HeldError
	if _, err := Acquire(path); !errors.As(err, &held) || held.PID != holder.cmd.Process.Pid {
		t.Errorf("Acquire: %v, want a refusal that names process %d", err, holder.cmd.Process.Pid)
	}
	wantStatus(t, path, Status{Held, holder.cmd.Process.Pid})
	holder.end()
	wantStatus(t, path, Status{})
	mustAcquire(t, path)
}

// The pid of a dead server can be another process's by the time at which the
// next server has the lock and has not written yet.
func TestResidueIsNotBelievedOfALiveProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	stranger := start(t, "child", path)
	stranger.says("born")
	write(t, path, fmt.Sprintln(stranger.cmd.Process.Pid))
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	starter, err := OS{}.Open(path, Create)
	if err != nil {
		t.Fatal(err)
	}
	defer starter.Close()
	if err := starter.TryLock(true); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, path, Status{State: Held})
	var held *HeldError
	if _, err := Acquire(path); !errors.As(err, &held) || held.PID != 0 {
		t.Errorf("Acquire: %v, want a refusal without a pid", err)
	}
}

func TestKilledHolderIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "holder", path)
	holder.says("held")
	holder.kill()
	wantStatus(t, path, Status{Stale, holder.cmd.Process.Pid})
	mustAcquire(t, path)
	wantContent(t, path, ownLine)
	wantStatus(t, path, Status{Held, os.Getpid()})
}

func TestCollectorDoesNotReleaseTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	holder := start(t, "forgetful", path)
	holder.says("held")
	wantStatus(t, path, Status{Held, holder.cmd.Process.Pid})
}

func TestChildDoesNotKeepTheLockOfItsParent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	parent := start(t, "parent", path)
	parent.says("born")
	parent.kill()
	mustAcquire(t, path)
	parent.input.Close()
	for parent.lines.Scan() { // until the child has ended too
	}
}

// A child shares its parent's open files from the fork until its own exec.
// While another goroutine starts processes as fast as it can, every stop must
// let the next start in.
func TestStartingProcessesDoesNotDelayTheNextHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for range 8 {
			child := exec.Command(os.Args[0], path)
			child.Env = append(os.Environ(), roleVariable+"=child") // its input is at the end
			if err := child.Run(); err != nil {
				t.Error(err)
			}
		}
	})
	defer wg.Wait()
	for starts := 0; ; starts++ {
		select {
		case <-done:
			t.Logf("%d starts", starts)
			return
		default:
		}
		p, err := Acquire(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneOfManyHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	var contenders []*process
	pids := map[string]bool{"": true} // a file that is new is empty
	for _, role := range []string{"contender", "contender", "mortal", "mortal"} {
		p := start(t, role, path)
		contenders = append(contenders, p)
		pids[strconv.Itoa(p.cmd.Process.Pid)] = true
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for reads := 0; ; {
			select {
			case <-stop:
				t.Logf("read %d times", reads)
				return
			default:
			}
			if text, ok := readShared(path); ok {
				reads++
				if line, _, whole := strings.Cut(text, "\n"); !pids[line] || !whole && line != "" {
					t.Errorf("a reader finds %q", text)
					return
				}
			}
			if status, err := Probe(path); err != nil || status.PID != 0 && !pids[strconv.Itoa(status.PID)] {
				t.Errorf("a probe finds %v, %v", status, err)
				return
			}
		}
	})
	for _, p := range contenders {
		p.wait()
	}
	close(stop)
	reader.Wait()
	p := mustAcquire(t, path)
	wantContent(t, path, ownLine)
	p.Release()
	wantAbsent(t, path)
}

// readShared reads the file as one who does not keep Windows from removing it.
func readShared(path string) (string, bool) {
	f, err := OS{}.Open(path, Read)
	if err != nil {
		return "", false
	}
	defer f.Close()
	var buf [64]byte
	n, err := f.ReadAt(buf[:], 0)
	return string(buf[:n]), err == nil || err == io.EOF
}

func TestNoNumberOfProbesMakesAStartFail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	var probers []*process
	for range 6 * runtime.NumCPU() {
		p := start(t, "prober", path)
		p.says("probing")
		probers = append(probers, p)
	}
	for round := range 10 {
		write(t, path, "9999999999\n") // so that there is something to probe before the start
		p, err := Acquire(path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		wantContent(t, path, ownLine)
		if err := p.Release(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	for _, p := range probers {
		p.end()
	}
}

func wantStatus(t *testing.T, path string, want Status) {
	t.Helper()
	if got, err := Probe(path); err != nil || got != want {
		t.Errorf("Probe: %v, %v, want %v", got, err, want)
	}
}
