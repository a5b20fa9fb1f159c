package main

// The snippets in the README are the ones that 'memlatch config' prints, and
// hosts can read what it prints of any path; what they write is found.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadmeHasTheSnippets(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(readme), "\r\n", "\n")
	for _, h := range hosts {
		if want := h.starting("memlatch"); !strings.Contains(text, want+"\n") {
			t.Errorf("README.md does not have what makes %s start memlatch:\n%s", h.name, want)
		}
	}
}

func TestSnippetsCanBeRead(t *testing.T) {
	for _, program := range []string{"/opt/a b/it's \"memlatch\"", `C:\Users\Ada & Bob\memlatch.exe`} {
		for _, h := range hosts {
			if h.hasCommand() {
				continue
			}
			var config map[string]any
			if err := json.Unmarshal([]byte(h.starting(program)), &config); err != nil {
				t.Errorf("%s: %v", h.name, err)
				continue
			}
			got := mentions(config, program[strings.LastIndexAny(program, `/\`)+1:])
			if strings.HasSuffix(program, ".exe") {
				got = mentions(config, "memlatch")
			}
			if len(got) != 1 || got[0].command != program {
				t.Errorf("%s: %+v", h.name, got)
			}
		}
	}
}

// What a host's own command writes is found where the host writes it.
func TestWhatHostsWriteIsFound(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("APPDATA", filepath.Join(home, "apps"))
	t.Setenv("CODEX_HOME", "")
	t.Chdir(t.TempDir())
	written := map[string]string{
		".claude.json":                    `{"projects":{"/x":{"mcpServers":{}}},"mcpServers":{"memory":{"type":"stdio","command":"/a/memlatch","args":[],"env":{}}}}`,
		".codex/config.toml":              "[mcp_servers.memory]\ncommand = \"/a/memlatch\"\n",
		".gemini/settings.json":           `{"mcpServers":{"memory":{"command":"/a/memlatch","args":[]}}}`,
		".qwen/settings.json":             `{"mcpServers":{"memory":{"command":"/a/memlatch","args":[]}},"$version":4}`,
		".config/opencode/opencode.jsonc": `{"$schema":"x","mcp":{/* mine */"memory":{"type":"local","command":["/a/memlatch"]}}}`,
		".copilot/mcp-config.json":        `{"mcpServers":{"memory":{"tools":["*"],"type":"local","command":"/a/memlatch","args":[]}}}`,
		".factory/mcp.json":               `{"mcpServers":{"memory":{"type":"stdio","command":"/a/memlatch","args":[],"disabled":false}}}`,
		".config/amp/settings.json":       `{"amp.mcpServers":{"memory":{"command":"/a/memlatch"}}}`,
	}
	for name, config := range written {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := hostsThatMention("memlatch")
	for _, m := range found {
		if m.server != "memory" || m.command != "/a/memlatch" {
			t.Errorf("%+v", m)
		}
	}
	if len(found) != len(written) {
		t.Errorf("found %d of %d: %v", len(found), len(written), found)
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
