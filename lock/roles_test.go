package lock

// The test program in other roles: what a test needs other processes for.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
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
