// Commands runs racefuzz on pairs of commands that people use, as they are, and
// writes what came of it to docs/commands.md.
//
//	go run ./ci/commands             all of them
//	go run ./ci/commands go npm      these, and prints their rows only
//
// A program that is not installed is fetched into a cache by the client of its
// registry, apt-get or npm, and unpacked there; nothing is installed. One that
// cannot be had is left out, and said so. It needs Linux.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/ci/corpus"
)

// page is where the table goes, between the two marks.
const (
	page  = "docs/commands.md"
	begin = "<!-- commands -->\n"
	end   = "<!-- end of commands -->\n"
)

func main() { corpus.Main("commands", run) }

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("commands", flag.ExitOnError)
	cache, _ := os.UserCacheDir()
	f.StringVar(&cache, "cache", filepath.Join(cache, "memlatch-commands"), "where programs are kept that are not installed")
	limit := f.Duration("time", 5*time.Minute, "time for each pair")
	f.Parse(args)
	dir, err := os.MkdirTemp("", "commands-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{ctx: ctx, dir: dir, cache: cache, limit: *limit}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.racefuzz(), "./racefuzz").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	var rows []string
	for _, p := range pairs {
		if len(f.Args()) > 0 && !slices.Contains(f.Args(), p.Name) {
			continue
		}
		row := b.try(p)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Println(row)
		rows = append(rows, row)
	}
	if len(f.Args()) > 0 {
		return nil
	}
	return write(rows)
}

// write puts the rows into the page.
func write(rows []string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(text, []byte(begin))
	_, tail, ended := bytes.Cut(rest, []byte(end))
	if !ok || !ended {
		return fmt.Errorf("%s has no place for the table", page)
	}
	table := "| commands | version | what came of it | schedules |\n|---|---|---|---|\n" + strings.Join(rows, "\n") + "\n"
	return os.WriteFile(page, slices.Concat(head, []byte(begin+table+end), tail), 0o644)
}

// bench runs the pairs.
type bench struct {
	ctx        context.Context
	dir, cache string
	limit      time.Duration
}

func (b bench) racefuzz() string { return filepath.Join(b.dir, "racefuzz") }

// replays is how often a witness is replayed.
const replays = 20

// try runs a pair and returns its row of the table.
func (b bench) try(p pair) string {
	row := func(version, result string, schedules any) string {
		return fmt.Sprintf("| `%s`<br>`%s` | %s | %s | %v |", p.A, p.B, version, result, schedules)
	}
	env, err := b.provide(p)
	if err != nil {
		return row("", "not to be had here: "+strings.ReplaceAll(err.Error(), "\n", " "), "")
	}
	version := b.version(p, env)
	args := []string{"commands", "-json", "-time", b.limit.String(), "-save", filepath.Join(b.dir, p.Name)}
	for _, text := range p.Setup {
		args = append(args, "-setup", text)
	}
	cmd := exec.CommandContext(b.ctx, b.racefuzz(), append(args, p.A, p.B)...)
	cmd.Env, cmd.Stderr = env, new(bytes.Buffer)
	out, err := cmd.Output()
	last := lastObject(out)
	if last.Verdict == "" {
		return row(version, "not tried: "+strings.TrimSpace(lastLine(fmt.Sprint(cmd.Stderr))), "")
	}
	result := last.Verdict
	if cmd.ProcessState.ExitCode() == 1 {
		result += fmt.Sprintf(" (replayed %d of %d)", b.replay(p, env), replays)
	}
	return row(version, result, last.Schedules)
}

// ending is the last object that racefuzz writes.
type ending struct {
	Verdict   string
	Schedules int
}

func lastObject(out []byte) (e ending) {
	json.Unmarshal([]byte(lastLine(string(out))), &e)
	return e
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// replay replays the witness and counts how often it breaks the same.
func (b bench) replay(p pair, env []string) (same int) {
	saved, _ := filepath.Glob(filepath.Join(b.dir, p.Name, "*.txtar"))
	if len(saved) != 1 {
		return 0
	}
	for range replays {
		cmd := exec.CommandContext(b.ctx, b.racefuzz(), "-q", "-replay", saved[0])
		cmd.Env = env
		cmd.Run()
		if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 1 {
			same++
		}
	}
	return same
}

// provide makes sure that the program is there, and returns the environment in
// which it is.
func (b bench) provide(p pair) ([]string, error) {
	env := os.Environ()
	name := strings.Fields(p.A)[0]
	if _, err := exec.LookPath(name); err == nil {
		return env, nil
	}
	var dir string
	var err error
	switch {
	case p.Debian != "":
		dir, err = b.unpack(p.Debian)
	case p.NPM != "":
		dir, err = b.npm(p.NPM)
	default:
		return nil, fmt.Errorf("%s is not installed", name)
	}
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, name))
	}
	return append(env, "PATH="+dir+":"+os.Getenv("PATH")), err
}

// unpack fetches a package of Debian's and returns where its programs are.
func (b bench) unpack(name string) (string, error) {
	root := filepath.Join(b.cache, name)
	bin := filepath.Join(root, "usr", "bin")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	for _, words := range [][]string{{"apt-get", "-qq", "download", name}, {"sh", "-c", "dpkg-deb -x *.deb ."}} {
		cmd := exec.CommandContext(b.ctx, words[0], words[1:]...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", errors.Join(fmt.Errorf("%s: %w: %s", words[0], err, lastLine(string(out))), os.RemoveAll(root))
		}
	}
	return bin, nil
}

// npm fetches a package of npm's and returns where its programs are.
func (b bench) npm(name string) (string, error) {
	root := filepath.Join(b.cache, "npm")
	bin := filepath.Join(root, "node_modules", ".bin")
	out, err := exec.CommandContext(b.ctx, "npm", "install", "--no-audit", "--no-fund", "--prefix", root, name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("npm: %w: %s", err, lastLine(string(out)))
	}
	return bin, nil
}

func (b bench) version(p pair, env []string) string {
	words := strings.Fields(cmp.Or(p.Version, strings.Fields(p.A)[0]+" --version"))
	cmd := exec.CommandContext(b.ctx, "env", words...)
	cmd.Env = env
	out, _ := cmd.CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
