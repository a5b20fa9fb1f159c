package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

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
