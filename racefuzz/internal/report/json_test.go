package report

// Proves that the JSON of a case keeps its field names, is one line, and
// tells an empty file from none.

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestJSONKeepsItsFields(t *testing.T) {
	var line, indented bytes.Buffer
	if err := JSON(&line, twoFiles()); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(line.Bytes(), []byte("\n")); n != 1 {
		t.Fatalf("%d lines, want 1", n)
	}
	if err := json.Indent(&indented, line.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "two-files.json", indented.Bytes())
}

func TestJSONHasListsWhereThereIsNothing(t *testing.T) {
	var got bytes.Buffer
	r := Report{Case: race.Case{Tier: "model", Actors: []race.Actor{{Name: "a"}}}}
	if err := JSON(&got, r); err != nil {
		t.Fatal(err)
	}
	want := `{"title":"","tier":"model","target":"","rules":"","command":[],"options":{},"files":[],` +
		`"actors":[{"name":"a","script":[]}],"events":[],"verdict":"no race","broken":null,"critical":null,"replay":""}` + "\n"
	if got.String() != want {
		t.Errorf("got  %swant %s", got.String(), want)
	}
}
