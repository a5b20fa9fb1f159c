// Package npm installs pinned npm packages for the length of one run.
package npm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// ErrMissing says that there is no node or no npm on this machine.
var ErrMissing = errors.New("node and npm are needed")

// Tree is a folder with installed packages and the node that runs them.
type Tree struct {
	Dir  string
	node string
}

// Install installs packages ("name@version") into dir, which exists and is
// the caller's to remove. The machine's own node is used if it is recent
// enough for all that is installed here, else npm brings one.
func Install(ctx context.Context, dir string, packages ...string) (Tree, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return Tree{}, ErrMissing
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return Tree{}, ErrMissing
	}
	t := Tree{Dir: dir, node: node}
	if !recent(ctx, node) {
		system := strings.ReplaceAll(runtime.GOOS, "windows", "win") + "-" + strings.ReplaceAll(runtime.GOARCH, "amd64", "x64")
		packages = append(packages, "node-"+system+"@22")
		t.node = t.path("node-"+system, "bin", "node")
	}
	args := append([]string{"install", "--prefix", dir, "--no-save", "--no-package-lock", "--no-audit", "--no-fund",
		"--ignore-scripts", "--prefer-offline", "--loglevel=error"}, packages...)
	if out, err := exec.CommandContext(ctx, npm, args...).CombinedOutput(); err != nil {
		return Tree{}, fmt.Errorf("npm install: %w\n%s", err, out)
	}
	return t, nil
}

// recent reports whether node is 22.19 or later.
func recent(ctx context.Context, node string) bool {
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return false
	}
	parts := strings.Split(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if len(parts) < 2 {
		return false
	}
	major, _ := strconv.Atoi(parts[0])
	minor, _ := strconv.Atoi(parts[1])
	return major > 22 || major == 22 && minor >= 19
}

// Command runs a script, named from node_modules on, under node.
func (t Tree) Command(ctx context.Context, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.node, append([]string{t.path(filepath.FromSlash(script))}, args...)...)
	cmd.Dir = t.Dir
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "PATH="+filepath.Dir(t.node)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

func (t Tree) path(parts ...string) string {
	return filepath.Join(append([]string{t.Dir, "node_modules"}, parts...)...)
}
