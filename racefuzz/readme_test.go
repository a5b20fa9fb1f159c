package main

// Proves that the sessions on the README's first screen are what the program
// prints.

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

func TestReadmeShowsRealSessions(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sessions := strings.Split(string(readme), "$ go run ./racefuzz ")[1:]
	if len(sessions) != 2 {
		t.Errorf("README.md has %d sessions, want that of a daemon and that of commands", len(sessions))
	}
	for _, session := range sessions {
		session, _, _ = strings.Cut(session, "```")
		t.Run(strings.Fields(session)[0], func(t *testing.T) { checkSession(t, session) })
	}
}

func checkSession(t *testing.T, session string) {
	command, drawn, _ := strings.Cut(session, "\n")
	l, err := commands.Parse("go " + command)
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Insert(l.Words[1:], 1, "-save", t.TempDir()) // behind the mode
	var stdout, stderr bytes.Buffer
	if args[0] == commandsMode && runtime.GOOS != "linux" {
		t.Skip("commands can be stopped at their system calls on Linux only")
	}
	code := run(args, nil, &stdout, &stderr)
	if code == exitNotReproducible && strings.Contains(stderr.String(), trace.ErrForbidden.Error()) {
		t.Skip(stderr.String())
	}
	if code != exitRace {
		t.Fatalf("%s: exit code %d\n%s%s", command, code, &stdout, &stderr)
	}
	if drawn == "" || !strings.Contains(stdout.String(), drawn) {
		t.Errorf("README.md shows\n%s\nwhere %s prints\n%s", drawn, command, &stdout)
	}
}
