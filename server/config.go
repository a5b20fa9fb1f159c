package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func (c command) config() (int, error) {
	var names []string
	for _, h := range userConfigs() {
		names = append(names, h.host)
		if len(c.args) != 1 || h.host != c.args[0] {
			continue
		}
		program, err := os.Executable()
		if err != nil {
			return exitFailed, err
		}
		if h.host == "claude-code" {
			fmt.Fprintln(c.stderr, "memlatch: run this:")
		} else {
			fmt.Fprintf(c.stderr, "memlatch: add this to %s:\n", quote(h.path))
		}
		for line := range strings.Lines(snippet(h.host, program) + "\n") {
			fmt.Fprint(c.stdout, line)
		}
		return exitOK, nil
	}
	what := "config: needs one HOST"
	if len(c.args) == 1 {
		what = fmt.Sprintf("config: no host %q", c.args[0])
	}
	return exitRefused, &problem{what: what, hint: "name one of " + strings.Join(names, ", ")}
}

// snippet is what makes a host start program.
func snippet(host, program string) string {
	quoted, _ := json.Marshal(program) // a string in TOML as well
	switch host {
	case "claude-code":
		return "claude mcp add --scope user memlatch -- " + word(program)
	case "codex":
		return fmt.Sprintf("[mcp_servers.memlatch]\ncommand = %s", quoted)
	case "vscode":
		return fmt.Sprintf(`{ "servers": { "memlatch": { "type": "stdio", "command": %s } } }`, quoted)
	}
	return fmt.Sprintf(`{ "mcpServers": { "memlatch": { "command": %s } } }`, quoted)
}

// word is path as one word of a command line, quoted if it must be.
func word(path string) string {
	if regexp.MustCompile(`^[\w./:~` + regexp.QuoteMeta(string(filepath.Separator)) + `-]+$`).MatchString(path) {
		return path
	}
	return quote(path)
}
