package main

// Proves that somebody is asked before a file from elsewhere runs its command, and
// sees what that is.

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestAFileFromElsewhereIsAskedAbout(t *testing.T) {
	module := t.TempDir()
	if err := os.WriteFile(filepath.Join(module, "go.mod"), []byte("module example.org/m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"testdata/races", "sub"} {
		if err := os.MkdirAll(filepath.Join(module, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "testdata")
	own := filepath.Join(module, "testdata", "races")
	os.Mkdir(elsewhere, 0o700)
	for _, dir := range []string{elsewhere, own, module} {
		if err := os.WriteFile(filepath.Join(dir, "r.txtar"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(elsewhere, "r.txtar"), filepath.Join(own, "link.txtar")); err != nil {
		t.Log(err)
	}
	t.Chdir(filepath.Join(module, "sub"))
	daemon := race.Case{Command: []string{"sh", "-c", "rm -r ~\x1b[2K", "{pidfile}"}}
	pair := race.Case{Target: commandsTarget, Options: map[string]string{"line.a": `"touch x"`, "line.b": `"rm x"`, "setup.01": `"curl x"`, "in.01": `"/var/tmp/x"`}}
	for _, tt := range []struct {
		file   string
		c      race.Case
		answer string
		shows  string // or "" where nothing is asked
		runs   bool
	}{
		{filepath.Join(elsewhere, "r.txtar"), daemon, "y\n", `    sh -c 'rm -r ~\x1b[2K' '{pidfile}'`, true},
		{filepath.Join(elsewhere, "r.txtar"), daemon, "\n", "rm -r", false},
		{filepath.Join(elsewhere, "r.txtar"), daemon, "", "rm -r", false},
		{filepath.Join(elsewhere, "r.txtar"), pair, "yes\n", "    touch x\n    rm x\n    curl x\n    with /var/tmp/x, which is put aside meanwhile\n", true},
		{filepath.Join(elsewhere, "r.txtar"), race.Case{Tier: tierModel}, "", "", true},
		{filepath.Join(module, "r.txtar"), daemon, "n\n", "rm -r", false},
		{filepath.Join("..", "testdata", "races", "r.txtar"), daemon, "", "", true},
		{filepath.Join(own, "link.txtar"), daemon, "n\n", "rm -r", false},
	} {
		if _, err := os.Stat(tt.file); err != nil {
			continue // links are not for everybody on Windows
		}
		r := replay{files: []string{tt.file}, recorded: []race.Recording{{Case: tt.c}}}
		var asked bytes.Buffer
		err := r.ask(strings.NewReader(tt.answer), &asked)
		if (err == nil) != tt.runs || !strings.Contains(asked.String(), tt.shows) || (tt.shows == "") != (asked.Len() == 0) {
			t.Errorf("%s, answered %q: %v, want it run: %v; asked %q", tt.file, tt.answer, err, tt.runs, asked.String())
		}
	}
}
