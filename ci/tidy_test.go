package ci

// Proves that the tree keeps the project's own rules: what the go command can
// say about it, who imports whom, what the README promises, and what must not
// stand in any file.

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/memlatch/memlatch/"

// systems are those on which everything builds.
var systems = []string{"linux", "darwin", "windows"}

// mayImport lists what of ours the code of each package may import. Tests may
// import more, for comparing two packages is what some of them are for; only
// lock's may not. What is under ci measures lock, knows the system calls, and
// otherwise keeps to itself.
var mayImport = map[string][]string{
	"lock":             {},
	"server":           {"lock"},
	"racefuzz":         {"lock", inside + "race", inside + "program", inside + "stage", inside + "explore", inside + "exam", inside + "sim", inside + "mutant", inside + "proc", inside + "trace", inside + "report", inside + "commands", inside + "hunt"},
	inside + "race":    {},
	inside + "program": {inside + "race"},
	inside + "judge":   {inside + "race"},
	inside + "stage":   {"lock", inside + "race", inside + "judge", inside + "program", inside + "explore", inside + "mutant", inside + "sim", "racefuzz/syscalls"},
	inside + "explore": {"lock", inside + "race"},
	inside + "exam":    {"lock", inside + "race", inside + "explore", inside + "mutant", inside + "stage"},
	inside + "sim":     {"lock", inside + "race"},
	inside + "mutant":  {"lock", inside + "race"},
	inside + "proc":    {"lock", inside + "race", inside + "judge", inside + "program", inside + "commands"},
	inside + "trace":   {"lock", inside + "race", inside + "judge", inside + "program", inside + "explore", inside + "commands", "racefuzz/syscalls", inside + "content"},
	inside + "report":  {"lock", inside + "race"},
	inside + "content": {},

	"racefuzz/syscalls": {},

	inside + "commands": {inside + "race", inside + "content"},
	"racefuzz/racetest": {inside + "race", inside + "program", inside + "commands", inside + "explore", inside + "trace", inside + "report", inside + "hunt"},
	inside + "hunt":     {inside + "race", inside + "content", inside + "commands", inside + "program", inside + "explore", inside + "trace", inside + "proc", inside + "report"},
}

// inside is where the packages of racefuzz lie.
const inside = "racefuzz/internal/"

// foreign finds what belongs to whoever works on the project and not to it.
// It is spelled so that it does not find itself.
var foreign = regexp.MustCompile(`(?i)[/](work|farm|root)/|[.]{2}/shared|[.]library\b|claude[.]md|(this|my)[ ]session\b|as[ ]requested\b|co-authored[-]by` +
	`|(proxy|sum)[.]golang[.]org|deb[.]debian[.]org|registry[.]npmjs|\b(todo|fixme|xxx)[:(]`)

// ignored are the endings of what the tools leave in the tree; see .gitignore.
var ignored = []string{".exe", ".test", ".prof"}

// files are the contents of all files of the project, by slashed path.
func files(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "dist" || name == "node_modules" || strings.HasPrefix(name, ".") && !slices.Contains([]string{".", ".ci", ".github"}, name)):
			return fs.SkipDir
		case d.Type().IsRegular() && !slices.Contains(ignored, path.Ext(name)):
			all[name], err = fs.ReadFile(root, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// goCommand runs the go command at the top of the module for one system and
// returns what it prints.
func goCommand(t *testing.T, system string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here")
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("GOOS=%s go %s: %v\n%s", system, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestSourceIsFormatted(t *testing.T) {
	for name, text := range files(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		if want, err := format.Source(text); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(text, want) {
			t.Errorf("%s is not as gofmt writes it", name)
		}
	}
}

func TestModuleIsTidy(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the go command about all modules")
	}
	goCommand(t, "linux", "mod", "tidy", "-diff")
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	for _, system := range systems {
		const imports = `{{.ImportPath}} code {{join .Imports " "}}
{{.ImportPath}} test {{join .TestImports " "}} {{join .XTestImports " "}}`
		for line := range strings.Lines(goCommand(t, system, "list", "-f", imports, "./...")) {
			fields := strings.Fields(line)
			name, kind := strings.TrimPrefix(fields[0], module), fields[1]
			underCI := strings.HasPrefix(name+"/", "ci/")
			allowed, known := mayImport[name]
			if underCI {
				allowed = []string{"lock", "racefuzz/syscalls"}
			} else if !known {
				t.Errorf("package %s is not in the house: see mayImport", name)
				continue
			}
			if kind == "test" && name != "lock" {
				continue
			}
			for _, imported := range fields[2:] {
				ours, ok := strings.CutPrefix(imported, module)
				if ok && !slices.Contains(allowed, ours) && !(underCI && strings.HasPrefix(ours, "ci/")) {
					t.Errorf("GOOS=%s: the %s of %s must not import %s", system, kind, name, ours)
				}
			}
		}
	}
}

func TestTestFilesOpenWithWhatTheyProve(t *testing.T) {
	for name, text := range files(t) {
		if !strings.HasSuffix(name, "_test.go") || !bytes.Contains(text, []byte("\nfunc Test")) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		opens := slices.ContainsFunc(file.Comments, func(c *ast.CommentGroup) bool {
			return c.Text() != "" && c.Pos() < file.Decls[0].Pos()
		})
		if !opens {
			t.Errorf("%s does not open with a comment that says what it proves", name)
		}
	}
}

func TestFilesSpeakOfTheProjectAlone(t *testing.T) {
	for name, text := range files(t) {
		if found := foreign.FindAll(text, -1); found != nil {
			t.Errorf("%s mentions %q", name, found)
		}
		if len(text) > 1<<20 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
}
