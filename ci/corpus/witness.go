package corpus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// CheckWitness returns an error unless a saved race is of that command, and is
// what came of running it.
func (o Outcome) CheckWitness(name string, command []string) error {
	saved, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	sections := map[string]string{}
	for _, f := range txtar.Parse(saved).Files {
		sections[f.Name] = string(f.Data)
	}
	var words strings.Builder
	for _, word := range command {
		words.WriteString("command " + strconv.Quote(word) + "\n")
	}
	steps := strings.Count(sections["schedule"], "\n")
	if !strings.Contains(sections["case"], words.String()) || steps != o.Steps || strings.TrimSpace(sections["verdict"]) != o.Verdict {
		return fmt.Errorf("%s is not the witness of what was run: %d steps, %s", name, steps, sections["verdict"])
	}
	if strings.Contains(string(saved), os.TempDir()) {
		return fmt.Errorf("%s names a place of the machine it was made on", name)
	}
	return nil
}

// CheckWitnesses returns an error unless a directory has just these saved races.
func CheckWitnesses(dir string, want []string) error {
	have, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	for i, name := range have {
		have[i] = filepath.ToSlash(name)
	}
	if want = slices.Sorted(slices.Values(want)); !slices.Equal(have, want) {
		err = errors.Join(err, fmt.Errorf("witnesses %v, want %v", have, want))
	}
	return err
}
