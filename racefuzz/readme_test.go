package main

// Proves that the session on the README's first screen is what the program
// prints.

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestReadmeShowsARealSession(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, session, _ := strings.Cut(string(readme), "$ go run ./racefuzz ")
	session, _, _ = strings.Cut(session, "```")
	command, drawn, _ := strings.Cut(session, "\n")
	var stdout, stderr bytes.Buffer
	code := run(append(strings.Fields(command), "-save", t.TempDir()), nil, &stdout, &stderr)
	if code != exitRace {
		t.Fatalf("%s: exit code %d\n%s%s", command, code, &stdout, &stderr)
	}
	if drawn == "" || !strings.Contains(stdout.String(), drawn) {
		t.Errorf("README.md shows\n%s\nwhere %s prints\n%s", drawn, command, &stdout)
	}
}
