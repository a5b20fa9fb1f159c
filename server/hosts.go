package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2"
	"github.com/tailscale/hujson"
)

// mention is a host's configuration that starts a program, or that cannot be
// read.
type mention struct {
	path    string
	server  string // its name there
	command string // the program as it is named there, if it is
	err     error
}

func (m mention) String() string {
	if m.err != nil {
		return fmt.Sprintf("%s may be: %v", m.path, m.err)
	}
	return fmt.Sprintf("%s (server %q)", m.path, m.server)
}

// hostsThatMention lists the hosts' configuration files that start program,
// and those that cannot be read. It changes none of them.
func hostsThatMention(program string) []mention {
	var found []mention
	seen := map[string]bool{}
	queue := hostConfigs()
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		config, err := readConfig(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			found = append(found, mention{path: path, err: err})
			continue
		}
		for _, m := range mentions(config, program) {
			m.path = path
			found = append(found, m)
		}
		// Claude Code lists the projects it knows; each may have a file of its own.
		if projects, ok := config["projects"].(map[string]any); ok {
			for _, dir := range slices.Sorted(maps.Keys(projects)) {
				queue = append(queue, filepath.Join(dir, ".mcp.json"))
			}
		}
	}
	return found
}

// hostConfig is where a host keeps its servers.
type hostConfig struct{ host, path string }

// userConfigs lists the known hosts.
func userConfigs() []hostConfig {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	codex := os.Getenv("CODEX_HOME")
	if codex == "" {
		codex = filepath.Join(home, ".codex")
	}
	apps := filepath.Join(home, ".config")
	switch runtime.GOOS {
	case "darwin":
		apps = filepath.Join(home, "Library", "Application Support")
	case "windows":
		apps = os.Getenv("APPDATA")
	}
	return []hostConfig{
		{"claude-code", filepath.Join(home, ".claude.json")},
		{"claude-desktop", filepath.Join(apps, "Claude", "claude_desktop_config.json")},
		{"codex", filepath.Join(codex, "config.toml")},
		{"gemini", filepath.Join(home, ".gemini", "settings.json")},
		{"cursor", filepath.Join(home, ".cursor", "mcp.json")},
		{"vscode", filepath.Join(apps, "Code", "User", "mcp.json")},
	}
}

// hostConfigs lists where the known hosts keep their servers: for the user,
// and for the project in the current directory.
func hostConfigs() []string {
	var paths []string
	for _, c := range userConfigs() {
		paths = append(paths, c.path)
	}
	if dir, err := os.Getwd(); err == nil {
		for _, name := range []string{".mcp.json", ".codex/config.toml", ".gemini/settings.json", ".cursor/mcp.json", ".vscode/mcp.json"} {
			paths = append(paths, filepath.Join(dir, filepath.FromSlash(name)))
		}
	}
	return paths
}

// Bounds on a host's configuration, which others may have written: its bytes,
// and what its brackets can nest. What nests deeper than those of package json
// and package toml may do is an error there, but not in package hujson.
const (
	maxConfig   = 16 << 20
	maxBrackets = 10000
)

func readConfig(path string) (map[string]any, error) {
	data, err := readRegular(path, maxConfig)
	if err != nil {
		return nil, err
	}
	var config map[string]any
	if filepath.Ext(path) == ".toml" {
		err = toml.Unmarshal(data, &config)
		return config, err
	}
	err = json.Unmarshal(data, &config)
	if err == nil || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > maxBrackets {
		return config, err
	}
	data, err = hujson.Standardize(data) // some hosts allow comments
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	return config, err
}

// readRegular reads a regular file of at most that many bytes. It never waits:
// opening a FIFO would.
func readRegular(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(errors.New("not a regular file"), err)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(data)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return data, err
}

// mentions returns the servers in config that start program.
func mentions(config map[string]any, program string) []mention {
	var found []mention
	for _, key := range slices.Sorted(maps.Keys(config)) {
		table, ok := config[key].(map[string]any)
		if !ok {
			continue
		}
		switch key {
		case "mcpServers", "mcp_servers", "servers":
			for _, name := range slices.Sorted(maps.Keys(table)) {
				if word, ok := starts(table[name], program); ok || name == program {
					found = append(found, mention{server: name, command: word})
				}
			}
		default: // such as Claude Code's projects
			found = append(found, mentions(table, program)...)
		}
	}
	return found
}

// starts returns the word of a server's command line that names program.
func starts(server any, program string) (word string, ok bool) {
	entry, _ := server.(map[string]any)
	words, _ := entry["args"].([]any)
	for _, w := range append([]any{entry["command"]}, words...) {
		word, _ := w.(string)
		base := word[strings.LastIndexAny(word, `/\`)+1:]
		if strings.TrimSuffix(base, ".exe") == program {
			return word, true
		}
	}
	return "", false
}
