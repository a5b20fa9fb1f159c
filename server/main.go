// Memlatch is an MCP server that remembers: a host starts it and speaks with it
// on its standard input and output. Any number of hosts may start one at the
// same time; all of them share one store.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"golang.org/x/term"
)

const usage = `Memlatch is a memory for coding assistants: an MCP server that an MCP host
starts and speaks with on standard input and output.

Usage:
    memlatch                    serve a host
    memlatch search WORDS       print the memories with any of the words
    memlatch list               print all memories, the newest first
    memlatch status [-json]     say whether a server is running
    memlatch doctor [-json]     check everything that memlatch depends on
    memlatch config HOST        print what makes a host start memlatch
    memlatch export FILE        write all memories to a new file, as lines of JSON
    memlatch import FILE        add those that are not there yet; also reads the
                                file of @modelcontextprotocol/server-memory
    memlatch uninstall [-y] [--force] [--backup FILE]
                                remove all memories
    memlatch version            print the version
    memlatch help               print this text

To have a host start it, for example:
    claude mcp add --scope user memlatch -- memlatch

Environment:
    MEMLATCH_HOME           where the memories are (default ~/.memlatch)
    MEMLATCH_RUNTIME_DIR    where the pid file is (default: memlatch in
                            $XDG_RUNTIME_DIR or /run/user/UID if that is yours
                            alone, or else /tmp/memlatch-UID; on Windows
                            %LOCALAPPDATA%\Temp\memlatch-0)
`

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1 // the server could not start; a command was not done, or not all of it
	exitRefused = 2 // a command was refused or misspelled
	exitStopped = 3 // status: no server is running; doctor: something is bad; export: not all can be read
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it returns the exit code.
func run(args []string, stdin *os.File, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		if term.IsTerminal(int(stdin.Fd())) {
			fmt.Fprintf(stderr, "memlatch: error: this is a server for an MCP host, not for a terminal\n\n%s", usage)
			return exitRefused
		}
		return serve(stdin, stdout, visible{stderr})
	}
	if args[0] == "help" || slices.ContainsFunc(args, func(arg string) bool {
		return slices.Contains([]string{"-h", "-help", "--help"}, arg)
	}) {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	c := command{args[0], args[1:], stdin, visible{stdout}, visible{stderr}}
	if slices.Contains([]string{"version", "-version", "--version"}, c.name) {
		fmt.Fprintln(stdout, "memlatch", version())
		return exitOK
	}
	commands := map[string]func() (int, error){
		"search": c.search, "list": c.list, "status": c.status, "doctor": c.doctor,
		"config": c.config, "export": c.export, "import": c.load, "uninstall": c.uninstall,
	}
	do := commands[c.name]
	if do == nil {
		return fail(c.stderr, exitRefused, misused("unknown command or flag %q", c.name))
	}
	code, err := do()
	if err != nil {
		return fail(c.stderr, code, err)
	}
	return code
}

// version is the module's, as the go command recorded it in the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// problem is an error that comes with its remedy.
type problem struct {
	what string
	hint string
	err  error // what lies behind it, if anything
}

func (p *problem) Error() string {
	if p.err != nil {
		return p.what + ": " + p.err.Error()
	}
	return p.what
}

func (p *problem) Unwrap() error { return p.err }

// remedy is the first one that err comes with, or empty.
func remedy(err error) string {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.hint
	}
	return ""
}

// fail reports err to a person, with all its remedies, and returns code.
func fail(stderr io.Writer, code int, err error) int {
	fmt.Fprintf(stderr, "memlatch: error: %v\n", err)
	for p, ok := errors.AsType[*problem](err); ok; p, ok = errors.AsType[*problem](p.err) {
		if p.hint != "" {
			fmt.Fprintf(stderr, "memlatch: hint: %s\n", p.hint)
		}
	}
	return code
}
