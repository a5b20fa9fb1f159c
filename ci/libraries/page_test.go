package main

// Proves that the page about libraries says what came of running them, and
// nothing else: it is made from the results, each with its witness, and none
// contradicts the judgement in the table.

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

func TestThePageSaysWhatWasRun(t *testing.T) {
	t.Chdir("../..")
	rows, err := load()
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
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, render(rows)) {
		t.Errorf("%s is not what the results give: run 'go run ./ci/libraries -page'", page)
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
		l, o := libraries[place(r.Name)], r.last()
		if o.Invariant() == "" {
			continue
		}
		want = append(want, l.witness())
		saved, err := os.ReadFile(l.witness())
		if err != nil {
			t.Fatal(err)
		}
		sections := map[string]string{}
		for _, f := range txtar.Parse(saved).Files {
			sections[f.Name] = string(f.Data)
		}
		var command strings.Builder
		for _, word := range l.Command {
			command.WriteString("command " + strconv.Quote(word) + "\n")
		}
		steps := strings.Count(sections["schedule"], "\n")
		if !strings.Contains(sections["case"], command.String()) || steps != o.Steps || strings.TrimSpace(sections["verdict"]) != o.Verdict {
			t.Errorf("%s is not the witness of what was run: %d steps, %s", l.witness(), steps, sections["verdict"])
		}
		if strings.Contains(string(saved), os.TempDir()) {
			t.Errorf("%s names a place of the machine it was made on", l.witness())
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
