//go:build amd64 || arm64

package syscalls

// Proves that the table has each system call of each architecture exactly once,
// with all that a row must have: a new one that the kernel's list has and the
// table has not is asked for here.

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestEveryCallOfEachArchitectureHasOneRow(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix").Output()
	if err != nil {
		t.Skip("needs the go command, which knows where the kernel's list lies")
	}
	kernels := strings.TrimSpace(string(out))
	for _, arch := range []string{"amd64", "arm64"} {
		listed := numbersIn(t, filepath.Join(kernels, "zsysnum_linux_"+arch+".go"), (*ast.Ident).String)
		if len(listed) < 300 {
			t.Fatalf("%s: the kernel's list has %d calls", arch, len(listed))
		}
		var have []string
		for _, part := range []string{"table_linux", "processes_linux", "ignored_linux", "table_linux_" + arch} {
			have = append(have, numbersIn(t, part+".go", func(*ast.Ident) string { return "" })...)
		}
		for _, name := range listed {
			switch n := count(have, name); n {
			case 1:
			case 0:
				t.Errorf("%s: unix.%s is in no table: say what it does, or why that is of no interest", arch, name)
			default:
				t.Errorf("%s: unix.%s has %d rows", arch, name, n)
			}
		}
		if arch == runtime.GOARCH && len(table) != len(listed) {
			t.Errorf("%s: %d rows for %d calls", arch, len(table), len(listed))
		}
	}
}

// numbersIn returns the constants SYS_* that a file defines, those that define
// returns a name for, and those that it uses of another package.
func numbersIn(t *testing.T, file string, define func(*ast.Ident) string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		name := ""
		switch n := n.(type) {
		case *ast.SelectorExpr:
			name = n.Sel.Name
		case *ast.ValueSpec:
			name = define(n.Names[0])
		}
		if strings.HasPrefix(name, "SYS_") {
			names = append(names, name)
		}
		return true
	})
	return names
}

func count(all []string, name string) (n int) {
	for _, s := range all {
		if s == name {
			n++
		}
	}
	return n
}

func TestRowsSayWhatTheyMust(t *testing.T) {
	names := map[string]bool{}
	for number, c := range All() {
		if problem := problemOf(c); problem != "" {
			t.Errorf("%d, %q: %s", number, c.Name, problem)
		}
		if c.Name != "" && names[c.Name] {
			t.Errorf("%s has two numbers", c.Name)
		}
		names[c.Name] = true
	}
}

func problemOf(c Call) string {
	args := []int{c.Shows.Arg}
	for _, o := range c.Operands {
		args = append(args, o.Arg, o.Dir, o.Flags)
	}
	for _, w := range c.Words {
		args = append(args, w.Arg)
	}
	for _, test := range c.Only {
		args = append(args, test.Arg)
	}
	switch {
	case c.Ignored != "" && len(strings.Fields(c.Ignored)) < 4:
		return fmt.Sprintf("%q is no reason", c.Ignored)
	case c.Ignored == "" && c.Name == "":
		return "it has no name"
	case c.Ignored == "" && len(c.Operands) == 0 && c.Channel == "":
		return "it is about nothing, and not ignored"
	case slices.ContainsFunc(args, func(i int) bool { return i < None || i > 5 }):
		return "it has an argument that there is not"
	case c.Ignored == "" && c.Channel == "" && slices.ContainsFunc(c.Operands, func(o Operand) bool { return o.Does == 0 }):
		return "it does nothing with an operand"
	}
	return ""
}

func TestRowsGoByTheirArguments(t *testing.T) {
	for _, tt := range []struct {
		name      string
		args      Args
		interests bool
	}{
		{"openat", Args{}, true},
		{"fsync", Args{}, false},
		{"fcntl", Args{3, 1}, false},                    // F_DUPFD
		{"fcntl", Args{3, 6}, true},                     // F_SETLK
		{"fcntl", Args{3, 37}, true},                    // F_OFD_SETLK
		{"lseek", Args{3, 0, 0}, false},                 // SEEK_SET
		{"lseek", Args{3, 0, 2}, true},                  // SEEK_END: it tells the size
		{"mmap", Args{0, 1, 3, 0x22, 1<<64 - 1}, false}, // MAP_PRIVATE|MAP_ANONYMOUS
		{"mmap", Args{0, 1, 1, 0x802, 3}, false},        // how the loader maps libraries
		{"mmap", Args{0, 1, 3, 0x01, 3}, true},          // MAP_SHARED
		{"ioctl", Args{1, 0x5401}, false},               // TCGETS
		{"ioctl", Args{3, 0x40049409}, true},            // FICLONE
	} {
		c, known := Named(tt.name)
		if !known || c.Interests(tt.args) != tt.interests {
			t.Errorf("%s%x: known %v, of interest %v", tt.name, tt.args, known, !tt.interests)
		}
	}
}
