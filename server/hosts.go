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
	"regexp"
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
	paths := hostConfigs()
	for i := 0; i < len(paths); i++ {
		path := paths[i]
		if slices.Index(paths, path) < i {
			continue
		}
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
				paths = append(paths, filepath.Join(dir, ".mcp.json"))
			}
		}
	}
	return found
}

// host is a program that starts servers.
type host struct {
	name          string
	user, project string // where it keeps the user's servers and a project's, or empty
	adds          string // what has it start one: its own command, or what belongs in the user's file
}

const mcpServers = `{ "mcpServers": { "memlatch": { "command": %s } } }`

// hosts are those that are known. In their paths ~ is the user's home, and APPS
// where the system keeps what programs are set to.
var hosts = []host{
	{"claude-code", "~/.claude.json", ".mcp.json", "claude mcp add --scope user memlatch -- %s"},
	{"claude-desktop", "APPS/Claude/claude_desktop_config.json", "", mcpServers},
	{"codex", "~/.codex/config.toml", ".codex/config.toml", "codex mcp add memlatch -- %s"},
	{"gemini", "~/.gemini/settings.json", ".gemini/settings.json", "gemini mcp add --scope user memlatch %s"},
	{"qwen", "~/.qwen/settings.json", ".qwen/settings.json", "qwen mcp add --scope user memlatch %s"},
	{"opencode", "~/.config/opencode/opencode.json", "opencode.json", "opencode mcp add memlatch -- %s"},
	{"copilot", "~/.copilot/mcp-config.json", "", "copilot mcp add memlatch -- %s"},
	{"droid", "~/.factory/mcp.json", ".factory/mcp.json", "droid mcp add memlatch %s"},
	{"amp", "~/.config/amp/settings.json", ".amp/settings.json", "amp mcp add memlatch -- %s"},
	{"cursor", "~/.cursor/mcp.json", ".cursor/mcp.json", mcpServers},
	{"vscode", "APPS/Code/User/mcp.json", ".vscode/mcp.json", `{ "servers": { "memlatch": { "type": "stdio", "command": %s } } }`},
}

// userConfig is where h keeps the user's servers.
func (h host) userConfig() string {
	if dir := os.Getenv("CODEX_HOME"); h.name == "codex" && dir != "" {
		return filepath.Join(dir, "config.toml")
	}
	apps := "~/.config"
	switch runtime.GOOS {
	case "darwin":
		apps = "~/Library/Application Support"
	case "windows":
		apps = os.Getenv("APPDATA")
	}
	path := strings.Replace(h.user, "APPS", apps, 1)
	return filepath.FromSlash(strings.Replace(path, "~", userHome(), 1))
}

// hostConfigs lists where the known hosts keep their servers: for the user,
// and for the project in the current directory.
func hostConfigs() (paths []string) {
	dir, err := os.Getwd()
	for _, h := range hosts {
		paths = append(paths, h.userConfig())
		if h.project != "" && err == nil {
			paths = append(paths, filepath.Join(dir, filepath.FromSlash(h.project)))
		}
	}
	for _, path := range paths {
		if filepath.Ext(path) == ".json" {
			paths = append(paths, path+"c") // with comments
		}
	}
	return paths
}

// Bounds on a host's configuration, which others may have written: its bytes,
// and how deep it may be. For the brackets packages json and toml see to that,
// but not package hujson, nor anybody for the dots in the keys of TOML.
const (
	maxConfig = 16 << 20
	maxDepth  = 10000
)

func readConfig(path string) (map[string]any, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig))
	if size > maxConfig {
		err = fmt.Errorf("more than %d bytes", maxConfig)
	}
	if err != nil {
		return nil, err
	}
	var config map[string]any
	if filepath.Ext(path) == ".toml" {
		for line := range bytes.Lines(data) {
			if bytes.Count(line, []byte(".")) > maxDepth {
				return nil, errors.New("a line with too many dots")
			}
		}
		err = toml.Unmarshal(data, &config)
		return config, err
	}
	err = json.Unmarshal(data, &config)
	if err != nil && bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) <= maxDepth {
		if data, err = hujson.Standardize(data); err == nil { // some hosts allow comments
			err = json.Unmarshal(data, &config)
		}
	}
	return config, err
}

// openRegular opens a regular file and returns its size. It never waits:
// opening a FIFO would.
func openRegular(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		return f, info.Size(), nil
	}
	return nil, 0, errors.Join(errors.New("not a regular file"), err, f.Close())
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
		case "mcpServers", "mcp_servers", "servers", "mcp", "amp.mcpServers":
			for _, name := range slices.Sorted(maps.Keys(table)) {
				if word, ok := starts(table[name], program); ok || name == program {
					found = append(found, mention{server: name, command: word})
				}
			}
		}
		// Such as Claude Code's projects.
		found = append(found, mentions(table, program)...)
	}
	return found
}

// starts returns the word of a server's command line that names program.
func starts(server any, program string) (word string, ok bool) {
	entry, _ := server.(map[string]any)
	words, _ := entry["command"].([]any) // as opencode has it
	args, _ := entry["args"].([]any)
	for _, w := range slices.Concat([]any{entry["command"]}, words, args) {
		word, _ := w.(string)
		base := word[strings.LastIndexAny(word, `/\`)+1:]
		if strings.TrimSuffix(base, ".exe") == program {
			return word, true
		}
	}
	return "", false
}

func (c command) config() (int, error) {
	var names []string
	for _, h := range hosts {
		names = append(names, h.name)
		// Such as gemini-cli.
		if len(c.args) != 1 || c.args[0] != h.name && !slices.Contains(strings.Split(c.args[0], "-"), h.name) {
			continue
		}
		program, err := os.Executable()
		if err != nil {
			return exitFailed, err
		}
		if h.hasCommand() {
			fmt.Fprintln(c.stderr, "memlatch: run this:")
		} else {
			fmt.Fprintf(c.stderr, "memlatch: add this to %s:\n", quote(h.userConfig()))
		}
		fmt.Fprintln(c.stdout, h.starting(program))
		return exitOK, nil
	}
	what := "config: needs one HOST"
	if len(c.args) == 1 {
		what = fmt.Sprintf("config: no host %q", c.args[0])
	}
	return exitRefused, &problem{what: what, hint: "name one of " + strings.Join(names, ", ")}
}

func (h host) hasCommand() bool { return !strings.HasPrefix(h.adds, "{") }

// starting is what makes h start program.
func (h host) starting(program string) string {
	if h.hasCommand() {
		return fmt.Sprintf(h.adds, word(program))
	}
	quoted, _ := json.Marshal(program)
	return fmt.Sprintf(h.adds, quoted)
}

// word is path as one word of a command line, quoted if it must be.
func word(path string) string {
	if regexp.MustCompile(`^[\w./:~` + regexp.QuoteMeta(string(filepath.Separator)) + `-]+$`).MatchString(path) {
		return path
	}
	return quote(path)
}
