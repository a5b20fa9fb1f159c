package main

// Proves that the page about libraries says what came of running them, and
// nothing else: it is made from the results, each with its witness, and none
// contradicts the judgement in the table.

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/memlatch/memlatch/ci/corpus"
)

func TestThePageSaysWhatWasRun(t *testing.T) {
	t.Chdir("../..")
	rows, err := sheet.Load()
	if err != nil {
		t.Fatal(err)
	}
	languages, ran := map[string]bool{}, 0
	for _, r := range rows {
		i := place(r.Name)
		if i < 0 {
			t.Fatalf("%s has a result and is not in the table", r.Name)
		}
		if err := r.contradiction(libraries[i]); err != nil {
			t.Error(err)
		}
		if r.NotRun == "" {
			ran++
			languages[libraries[i].Language] = true
		}
	}
	if ran < 30 || len(languages) < 5 {
		t.Errorf("%d libraries in %d languages were run, want at least 30 in 5", ran, len(languages))
	}
	got, err := os.ReadFile(sheet.Page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, render(rows)) {
		t.Errorf("%s is not what the results give: run 'go run ./ci/libraries -page'", sheet.Page)
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
		l, o := libraries[place(r.Name)], r.last()
		if o.Invariant() == "" {
			continue
		}
		want = append(want, l.witness())
		if err := o.CheckWitness(l.witness(), l.Command); err != nil {
			t.Error(err)
		}
	}
	if err := corpus.CheckWitnesses(witnesses, want); err != nil {
		t.Error(err)
	}
}

func TestEveryLibraryIsJudged(t *testing.T) {
	t.Chdir("../..")
	named := map[string]bool{}
	for _, l := range libraries {
		if named[l.Name] {
			t.Errorf("%s is there twice", l.Name)
		}
		named[l.Name] = true
		if !slices.Contains([]string{bug, design, misuse, clean}, l.Judgement) || (l.Judgement == clean) != (len(l.Want) == 0) || l.Remark == "" {
			t.Errorf("%s: judged %q, wants %q, because %q", l.Name, l.Judgement, l.Want, l.Remark)
		}
		if script, ok := languages[l.Language]; ok {
			if _, err := os.Stat(filepath.Join(programs, script.dir, l.Command[0]+script.ending)); err != nil {
				t.Error(err)
			}
		}
	}
}
