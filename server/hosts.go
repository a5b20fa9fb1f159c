package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/tailscale/hujson"
)

// hostsThatMention lists the hosts' configuration files that start program,
// with the server's name in each, and those that cannot be read. It changes
// none of them.
func hostsThatMention(program string) []string {
	var found []string
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
			found = append(found, fmt.Sprintf("%s may be: %v", path, err))
			continue
		}
		for _, name := range mentions(config, program) {
			found = append(found, fmt.Sprintf("%s (server %q)", path, name))
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

// hostConfigs lists where the known hosts keep their servers: for the user,
// and for the project in the current directory.
func hostConfigs() []string {
	var paths []string
	if home, err := os.UserHomeDir(); err == nil {
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
		paths = append(paths,
			filepath.Join(home, ".claude.json"),
			filepath.Join(apps, "Claude", "claude_desktop_config.json"),
			filepath.Join(codex, "config.toml"),
			filepath.Join(home, ".gemini", "settings.json"),
			filepath.Join(home, ".cursor", "mcp.json"),
			filepath.Join(apps, "Code", "User", "mcp.json"),
		)
	}
	if dir, err := os.Getwd(); err == nil {
		for _, name := range []string{".mcp.json", ".codex/config.toml", ".gemini/settings.json", ".cursor/mcp.json", ".vscode/mcp.json"} {
			paths = append(paths, filepath.Join(dir, filepath.FromSlash(name)))
		}
	}
	return paths
}

func readConfig(path string) (map[string]any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config map[string]any
	if filepath.Ext(path) == ".toml" {
		err = toml.Unmarshal(data, &config)
		return config, err
	}
	data, err = hujson.Standardize(data) // some hosts allow comments
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	return config, err
}

// mentions returns the names of the servers in config that start program.
func mentions(config map[string]any, program string) []string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(config)) {
		table, ok := config[key].(map[string]any)
		if !ok {
			continue
		}
		switch key {
		case "mcpServers", "mcp_servers", "servers":
			for _, name := range slices.Sorted(maps.Keys(table)) {
				if name == program || starts(table[name], program) {
					names = append(names, name)
				}
			}
		default: // such as Claude Code's projects
			names = append(names, mentions(table, program)...)
		}
	}
	return names
}

// starts reports whether a server's command line has program in it.
func starts(server any, program string) bool {
	entry, _ := server.(map[string]any)
	words, _ := entry["args"].([]any)
	for _, word := range append([]any{entry["command"]}, words...) {
		path, _ := word.(string)
		base := path[strings.LastIndexAny(path, `/\`)+1:]
		if strings.TrimSuffix(base, ".exe") == program {
			return true
		}
	}
	return false
}
