package main

// Proves that the page about daemons says what came of running them, and
// nothing else: it is made from the results, each with its witness.

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/ci/corpus"
	"golang.org/x/tools/txtar"
)

func TestThePageSaysWhatWasRun(t *testing.T) {
	t.Chdir("../..")
	rows, err := load()
	if err != nil || len(rows) < 12 {
		t.Fatalf("%d daemons, %v, want at least 12", len(rows), err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, render(rows)) {
		t.Errorf("%s is not what the results give: run 'go run ./ci/daemons'", page)
	}
	for _, r := range rows {
		if place(r.Name) < 0 {
			t.Errorf("%s has a result and is not in the table", r.Name)
		}
	}
}

func TestEveryFindingHasItsWitness(t *testing.T) {
	t.Chdir("../..")
	rows, err := load()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range rows {
		d := daemons[place(r.Name)]
		want = append(want, checkWitness(t, d, r.Strict)...)
		if r.Lenient != nil {
			want = append(want, checkWitness(t, d.lenient(), *r.Lenient)...)
		}
	}
	have, err := filepath.Glob(filepath.Join(witnesses, "*.txtar"))
	for i, name := range have {
		have[i] = filepath.ToSlash(name)
	}
	slices.Sort(want)
	if err != nil || !slices.Equal(have, want) {
		t.Errorf("witnesses %v, want %v; %v", have, want, err)
	}
}

func TestWhatADaemonIsSetUpByIsThere(t *testing.T) {
	t.Chdir("../..")
	for _, d := range daemons {
		if d.File == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(witnesses, d.File)); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

// checkWitness returns the name of the witness, if there is one.
func checkWitness(t *testing.T, d daemon, o corpus.Outcome) []string {
	t.Helper()
	if o.Invariant() == "" {
		return nil
	}
	saved, err := os.ReadFile(d.witness())
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, f := range txtar.Parse(saved).Files {
		sections[f.Name] = string(f.Data)
	}
	var command strings.Builder
	for _, word := range d.Command {
		command.WriteString("command " + strconv.Quote(word) + "\n")
	}
	steps := strings.Count(sections["schedule"], "\n")
	if !strings.Contains(sections["case"], command.String()) || steps != o.Steps || strings.TrimSpace(sections["verdict"]) != o.Verdict {
		t.Errorf("%s is not the witness of what was run: %d steps, %s", d.witness(), steps, sections["verdict"])
	}
	if strings.Contains(string(saved), os.TempDir()) {
		t.Errorf("%s names a place of the machine it was made on", d.witness())
	}
	return []string{d.witness()}
}
