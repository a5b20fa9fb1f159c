package main

// Nothing that other programs have written reaches a terminal as anything but
// text in its own line.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

const unruly = "\x1b]0;title\a\u009b31m\u202eevil\u2066\nok   store: all is well\r\x7f"

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain ü 日本 🚫\n":        "plain ü 日本 🚫\n",
		"no end":                "no end",
		"a\nb\n":                "a\\u000ab\n",
		"\x1b[2J\n":             "\\u001b[2J\n",
		"\u009b2J\u202e\u2066":  "\\u009b2J\\u202e\\u2066",
		"\x9b2J\xff":            "\\ufffd2J\\ufffd",
		"tab\there\r\x7f\u2028": "tab\\u0009here\\u000d\\u007f\\u2028",
		"":                      "",
	} {
		var b bytes.Buffer
		if n, err := (visible{&b}).Write([]byte(text)); n != len(text) || err != nil || b.String() != want {
			t.Errorf("%q became %q, %d, %v", text, b.String(), n, err)
		}
	}
	// What was JSON is the same JSON.
	var b bytes.Buffer
	var back string
	if err := json.NewEncoder(visible{&b}).Encode(unruly); err != nil || json.Unmarshal(b.Bytes(), &back) != nil || back != unruly {
		t.Errorf("%q became %q", unruly, back)
	}
}

func TestNamesCannotCommandATerminal(t *testing.T) {
	p := newPlace(t)
	user := filepath.Dir(p.home)
	project := filepath.Join(user, unruly)
	if err := os.Mkdir(project, 0o700); err != nil {
		t.Skip("no such names here: ", err)
	}
	configs, _ := json.Marshal(map[string]any{"projects": map[string]any{project: map[string]any{}}})
	for path, text := range map[string]string{
		filepath.Join(user, ".claude.json"):     string(configs),
		filepath.Join(project, ".mcp.json"):     "not JSON",
		filepath.Join(user, ".cursor/mcp.json"): fmt.Sprintf(`{"mcpServers":{"memlatch":{"command":%q}}}`, "/x/"+strings.ReplaceAll(unruly, "\x00", "")),
	} {
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := append(os.Environ(), "MEMLATCH_HOME="+filepath.Join(project, "home"))
	for _, row := range []struct{ stdin, args string }{
		{`{"text":"x"}`, "import -"}, {`{"type":"\u001b\u009b"}`, "import -"}, {"", "doctor"}, {"", "doctor -json"}, {"", "status"}, {"", "export -"},
		{"", "export " + filepath.Join(project, "all")}, {"", "import " + filepath.Join(project, "none")}, {"", "uninstall -y"}, {"", "uninstall"},
	} {
		args := strings.SplitN(row.args, " ", 2)
		out, _ := program(t, env, row.stdin, args...)
		if strings.Contains(out, "\nok   store: all is well") || !utf8.ValidString(out) ||
			strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Bidi_Control) }) {
			t.Errorf("memlatch %s wrote %q", row.args, out)
		}
		if len(out) == 0 {
			t.Errorf("memlatch %s wrote nothing", row.args)
		}
	}
}

// A configuration is read within bounds, whatever is in its place.
func TestConfigurationsAreReadWithinBounds(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"arrays.json":   strings.Repeat("[", 8<<20),
		"objects.json":  strings.Repeat(`{"a":`, 3<<20),
		"comments.json": "/**/" + strings.Repeat("[", 8<<20),
		"escape.json":   "/*\"*/" + strings.Repeat(`["]",`, 2<<20),
		"long.json":     `{"a":"` + strings.Repeat("x", maxConfig) + `"}`,
		"arrays.toml":   "a=" + strings.Repeat("[", 8<<20),
		"tables.toml":   "a=" + strings.Repeat("{a=", 3<<20),
		"dots.toml":     strings.Repeat("a.", 2<<20) + "a=1",
		"lines.toml":    strings.Repeat(strings.Repeat("a.", 9990)+"a=1\n", 400),
		"heads.toml":    "[" + strings.Repeat("a.", 2<<20) + "a]",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			config, err := readConfig(path)
			found := mentions(config, "memlatch")
			if took := time.Since(start); err == nil || len(found) > 0 || took > patience {
				t.Errorf("%v, after %v", err, took)
			}
		})
	}
	deep := filepath.Join(dir, "deep.json")
	text := strings.Repeat(`{"a":`, 9000) + `{"mcpServers":{"memlatch":{}}}` + strings.Repeat("}", 9000)
	if err := os.WriteFile(deep, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := readConfig(deep)
	if err != nil || len(mentions(config, "memlatch")) != 1 {
		t.Error(err)
	}
	if _, err := readConfig(dir); err == nil {
		t.Error("read a directory")
	}
}
