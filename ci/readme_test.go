package ci

// Proves that the commands which the README tells people to type exist, and
// that .ci/run or a scenario runs each of them.

import (
	"regexp"
	"strings"
	"testing"
)

var (
	shellBlock = regexp.MustCompile("(?ms)^```(?:sh|console)\n(.*?)^```$")
	leg        = regexp.MustCompile(`(?m)^leg \d+ +(?:'[^']*'|\S+) +(.*)$`)
	scenario   = regexp.MustCompile(`(?m)^!? ?exec (.*)$`)
	target     = regexp.MustCompile(`(?m)^([a-z]+):`)
)

// programs are what the scenarios call our commands.
var programs = strings.NewReplacer("go run ./racefuzz", "racefuzz", "go run ./server", "memlatch")

func TestReadmeCommandsAreRun(t *testing.T) {
	all := files(t)
	run := map[string]bool{}
	for _, line := range leg.FindAllStringSubmatch(string(all[".ci/run"]), -1) {
		run[programs.Replace(strings.TrimSpace(line[1]))] = true
	}
	for name, text := range all {
		if strings.HasSuffix(name, ".txtar") {
			for _, line := range scenario.FindAllStringSubmatch(string(text), -1) {
				run[line[1]] = true
			}
		}
	}
	for _, line := range target.FindAllStringSubmatch(string(all["Makefile"]), -1) {
		run["make "+line[1]] = true
	}
	commands := 0
	for _, block := range shellBlock.FindAllStringSubmatch(string(all["README.md"]), -1) {
		for line := range strings.Lines(block[1]) {
			command, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), " #")
			command = strings.TrimSpace(command)
			switch first, _, _ := strings.Cut(command, " "); first {
			case "go", "make":
				commands++
				if installed, ok := strings.CutPrefix(command, "go install "); ok {
					checkInstalled(t, installed)
				} else if !run[programs.Replace(command)] {
					t.Errorf("README.md: neither .ci/run nor a scenario runs %q", command)
				}
			}
		}
	}
	if commands == 0 {
		t.Error("README.md has no command in a sh block")
	}
}

// checkInstalled checks that what `go install` names is a command of ours.
func checkInstalled(t *testing.T, argument string) {
	name, version, _ := strings.Cut(argument, "@")
	ours, found := strings.CutPrefix(name, module)
	if !found || version != "latest" {
		t.Errorf("README.md: %q is not ours at its latest version", argument)
		return
	}
	if kind := strings.TrimSpace(goCommand(t, "linux", "list", "-f", "{{.Name}}", "./"+ours)); kind != "main" {
		t.Errorf("README.md: %q is not a command but package %s", argument, kind)
	}
}
