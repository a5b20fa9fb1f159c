package main

// The snippets in the README are the ones that 'memlatch config' prints, and
// hosts can read what it prints of any path.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestReadmeHasTheSnippets(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(readme), "\r\n", "\n")
	for _, h := range userConfigs() {
		if want := snippet(h.host, "memlatch"); !strings.Contains(text, want+"\n") {
			t.Errorf("README.md does not have what makes %s start memlatch:\n%s", h.host, want)
		}
	}
}

func TestSnippetsCanBeRead(t *testing.T) {
	for _, program := range []string{"/opt/a b/it's \"memlatch\"", `C:\Users\Ada & Bob\memlatch.exe`} {
		for _, h := range userConfigs() {
			if h.host == "claude-code" {
				continue // a command line
			}
			var config map[string]any
			var err error
			if text := snippet(h.host, program); h.host == "codex" {
				err = toml.Unmarshal([]byte(text), &config)
			} else {
				err = json.Unmarshal([]byte(text), &config)
			}
			if err != nil {
				t.Errorf("%s: %v", h.host, err)
				continue
			}
			got := mentions(config, program[strings.LastIndexAny(program, `/\`)+1:])
			if strings.HasSuffix(program, ".exe") {
				got = mentions(config, "memlatch")
			}
			if len(got) != 1 || got[0].command != program {
				t.Errorf("%s: %+v", h.host, got)
			}
		}
	}
}

func TestWordsAreQuotedIfNeedBe(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/local/bin/memlatch-1.0": "/usr/local/bin/memlatch-1.0",
		"/opt/a b/memlatch":           quote("/opt/a b/memlatch"),
		"/opt/$(x)":                   quote("/opt/$(x)"),
	} {
		if got := word(path); got != want {
			t.Errorf("%s became %s", path, got)
		}
	}
}
