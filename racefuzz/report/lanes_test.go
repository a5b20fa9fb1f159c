package report

// Proves that lanes read as the golden files say, that no line leaves the
// page and that nothing in a case can break the columns.

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestLanesReadAsRecorded(t *testing.T) {
	for name, r := range map[string]Report{
		"two-files.txt": twoFiles(),
		"crash.txt":     crash(),
		"servers.txt":   servers(),
		"calls.txt":     calls(),
	} {
		var b bytes.Buffer
		if err := Lanes(&b, r); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}
