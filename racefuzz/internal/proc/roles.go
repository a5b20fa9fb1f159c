package proc

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
)

// roleVariable tells this program to be something else than racefuzz.
const roleVariable = "RACEFUZZ_ROLE"

// Role returns what this process is to do instead of fuzzing, or nil. The
// stand-ins are those that [StandIn] made.
func Role(standIns []StandIn) func() int {
	role, name, _ := strings.Cut(os.Getenv(roleVariable), " ")
	switch role {
	case "sweeper":
		return sweep
	case "warden":
		return ward
	case "host":
		return host
	case "helper":
		return help
	case "server":
		for _, s := range standIns {
			if s.Name == name {
				return s.main
			}
		}
		fmt.Fprintf(os.Stderr, "racefuzz: error: no stand-in %q\n", name)
		return func() int { return 2 }
	}
	return nil
}

// again returns a command that starts this program in a role.
func again(role string, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd, nil
}

// sweep is the sweeper: it removes a directory once whoever holds the other
// end of its input is gone, in whatever way.
func sweep() int {
	signal.Ignore(os.Interrupt) // it comes for others
	io.Copy(io.Discard, os.Stdin)
	endOrphans(os.Args[1])
	// The processes that the end of racefuzz ends may take a moment to go,
	// and until then create files or, under Windows, keep them.
	for range 200 {
		if err := program.Remove(os.Args[1]); err == nil {
			return 0
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 1
}

// host is a host of an MCP server: it starts the program in its arguments
// with its own standard files, says who that is, and waits for its end.
// Killing it is the death of the server's host.
func host() int {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = serverEnvironment()
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, hostWord, "error", err)
		return 1
	}
	fmt.Fprintln(os.Stderr, hostWord, "pid", cmd.Process.Pid)
	// The server's ends of the pipes are its alone.
	os.Stdin.Close()
	os.Stdout.Close()
	cmd.Wait()
	fmt.Fprintln(os.Stderr, hostWord, "exit", exitText(cmd.ProcessState))
	return 0
}

// hostWord begins the lines that a host writes among its server's.
const hostWord = "racefuzz-host"

// nextRole hands the role of the host's server through the host.
const nextRole = "RACEFUZZ_NEXT_ROLE"

func serverEnvironment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name != roleVariable && name != nextRole {
			env = append(env, v)
		}
	}
	if next := os.Getenv(nextRole); next != "" {
		env = append(env, roleVariable+"="+next)
	}
	return env
}

// exitText is how a process ended, in a word: its exit code, or the signal.
func exitText(state *os.ProcessState) string {
	if code := state.ExitCode(); code >= 0 {
		return fmt.Sprint(code)
	}
	return strings.ReplaceAll(strings.TrimPrefix(state.String(), "signal: "), " ", "-")
}
