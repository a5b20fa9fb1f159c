package main

// Proves what people are told whose program cannot be explored: because it is
// no server, or because this system lets nobody trace it.

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestCommandsThatAreNoServersAreToldWhatRacefuzzIsFor(t *testing.T) {
	for script, want := range map[string][]string{
		"echo $$ > {pidfile}":        {"does not stay, alone as it is: exit 0\n", "hint: racefuzz is for servers"},
		"echo no config >&2; exit 3": {`exit 3, and it says "no config"`, "hint: run it by hand"},
		"read line":                  {"it touches nothing in the directory", "hint: write {pidfile} or {dir} where"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"--", "sh", "-c", script}, nil, &stdout, &stderr); code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", script, code, exitUsage)
		}
		for _, text := range want {
			if !strings.Contains(stderr.String(), text) {
				t.Errorf("%s: stderr has no %q:\n%s", script, text, &stderr)
			}
		}
	}
}

// untraceable makes the test binary play a system that denies ptrace.
const untraceable = "RACEFUZZ_TEST_UNTRACEABLE"

func TestWhereTracingIsForbiddenOneLineSaysSo(t *testing.T) {
	if os.Getenv(untraceable) != "" {
		denyPtrace(t)
		os.Exit(run([]string{"-q", "--", "sleep", "1"}, nil, os.Stdout, os.Stderr))
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWhereTracingIsForbiddenOneLineSaysSo$")
	cmd.Env = append(os.Environ(), untraceable+"=1", "TMPDIR="+t.TempDir()) // it leaves without clean-up
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != exitNotReproducible {
		t.Errorf("exit code %d, want %d", code, exitNotReproducible)
	}
	const want = "racefuzz: error: tracing programs is not permitted here: ptrace: operation not permitted\n"
	if stderr.String() != want {
		t.Errorf("stderr %q, want %q", &stderr, want)
	}
}

func denyPtrace(t *testing.T) {
	prog := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PTRACE, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	const allThreads = 1
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, allThreads, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		t.Fatal(errno)
	}
}
