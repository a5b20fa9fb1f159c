package program

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Resolve finds the program of a command, and the files that its arguments
// name from here: it runs in another directory.
func Resolve(command []string) ([]string, error) {
	if len(command) == 0 {
		return nil, nil
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	out := []string{path}
	for _, word := range command[1:] {
		if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() {
			if word, err = filepath.Abs(word); err != nil {
				return nil, err
			}
		}
		out = append(out, word)
	}
	return out, nil
}

// FreePort finds a free TCP port of the loopback interface if one of the texts
// has the placeholder for it, and returns 0 if none has.
func FreePort(placeholder string, texts []string) (int, error) {
	if !strings.Contains(strings.Join(texts, " "), placeholder) {
		return 0, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Expand returns what replaces the placeholders that mean the same for all
// actors of a case that is run in dir: {pidfile}, {dir} and {caseport}. The
// case's files are returned with those of kind [race.Config] expanded.
func Expand(c race.Case, dir string) (*strings.Replacer, []race.File, error) {
	texts := slices.Clone(c.Command)
	for _, f := range c.Files {
		texts = append(texts, f.Content)
	}
	port, err := FreePort("{caseport}", texts)
	if err != nil {
		return nil, nil, err
	}
	common := strings.NewReplacer("{pidfile}", filepath.Join(dir, c.PIDFile()), "{dir}", dir, "{caseport}", strconv.Itoa(port))
	files := slices.Clone(c.Files)
	for i, f := range files {
		if f.Kind == race.Config {
			files[i].Content = common.Replace(f.Content)
		}
	}
	return common, files, nil
}
