package main

// Proves that the page about daemons says what came of running them, and
// nothing else: it is made from the results, each with its witness.

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/memlatch/memlatch/ci/corpus"
)

func TestThePageSaysWhatWasRun(t *testing.T) {
	t.Chdir("../..")
	rows, err := sheet.Load()
	if err != nil || len(rows) < 12 {
		t.Fatalf("%d daemons, %v, want at least 12", len(rows), err)
	}
	got, err := os.ReadFile(sheet.Page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, render(rows)) {
		t.Errorf("%s is not what the results give: run 'go run ./ci/daemons'", sheet.Page)
	}
	for _, r := range rows {
		if place(r.Name) < 0 {
			t.Errorf("%s has a result and is not in the table", r.Name)
		}
	}
}

func TestEveryFindingHasItsWitness(t *testing.T) {
	t.Chdir("../..")
	rows, err := sheet.Load()
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
	if err := corpus.CheckWitnesses(witnesses, want); err != nil {
		t.Error(err)
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
	if err := o.CheckWitness(d.witness(), d.Command); err != nil {
		t.Error(err)
	}
	return []string{d.witness()}
}
