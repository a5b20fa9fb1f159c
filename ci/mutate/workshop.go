package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// workshop is where the programs are built that have all changes in them.
type workshop struct {
	root    string // the module
	dir     string
	numbers map[string]int // of the changes that compile and are in a function, by name

	mu       sync.Mutex
	programs map[program][]byte
}

// errNotCompiled says that the compiler refuses a change.
var errNotCompiled = errors.New("does not compile")

// newWorkshop finds out which of the changes compile together.
func newWorkshop(ctx context.Context, root, parent string, all []mutation) (*workshop, error) {
	w := &workshop{root: root, dir: filepath.Join(parent, "all"), numbers: map[string]int{}, programs: map[program][]byte{}}
	changes := map[*source]map[int]mutation{}
	packages := map[string][]*source{}
	for i, m := range all {
		if m.function == nil {
			continue
		}
		if changes[m.source] == nil {
			changes[m.source] = map[int]mutation{}
			packages[m.suite.pkg] = append(packages[m.suite.pkg], m.source)
		}
		changes[m.source][i+1] = m
		w.numbers[m.name] = i + 1
	}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		return nil, err
	}
	for {
		texts := map[string][]byte{}
		lines := map[string]map[int]int{}
		for _, sources := range packages {
			for i, s := range sources {
				a := s.assemble(changes[s], i == 0)
				texts[s.abs], lines[overlaid(s.abs)] = a.text, a.lines
			}
		}
		if err := overlay(w.dir, texts); err != nil {
			return nil, err
		}
		refused, err := w.refused(ctx, packages, lines)
		if err != nil || len(refused) == 0 {
			return w, err
		}
		for _, n := range refused {
			delete(w.numbers, all[n-1].name)
			delete(changes[all[n-1].source], n)
		}
	}
}

// overlay writes the files, by the paths they are to have, into dir, and what
// tells the go command of them.
func overlay(dir string, files map[string][]byte) error {
	o := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range files {
		at := filepath.Join(dir, overlaid(path))
		o.Replace[path] = at
		if err := os.WriteFile(at, text, 0o600); err != nil {
			return err
		}
	}
	text, err := json.Marshal(o)
	return errors.Join(err, os.WriteFile(filepath.Join(dir, overlayFile), text, 0o600))
}

// overlaid is what the other file is called that takes the place of path.
func overlaid(path string) string {
	return filepath.Base(filepath.Dir(path)) + "-" + filepath.Base(path)
}

const overlayFile = "overlay.json"

// complaint is a line of the compiler's.
var complaint = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):\d+: `)

// refused compiles the packages and returns the numbers of the changes to which
// the compiler objects.
func (w *workshop) refused(ctx context.Context, packages map[string][]*source, lines map[string]map[int]int) (numbers []int, err error) {
	args := []string{"build", "-gcflags=-e", "-o", os.DevNull}
	for pkg := range packages {
		args = append(args, "./"+pkg)
	}
	out, err := w.goCommand(ctx, w.dir, args...)
	if err == nil || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, found := range complaint.FindAllSubmatch(out, -1) {
		line, _ := strconv.Atoi(string(found[2]))
		path := string(found[1]) // of the file itself, or of the one in its place
		n := max(lines[filepath.Base(path)][line], lines[overlaid(path)][line])
		if n == 0 {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		numbers = append(numbers, n)
	}
	if numbers == nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}

// buildLimit is for one program.
const buildLimit = 5 * time.Minute

// goCommand runs the go command with the overlay that is in dir.
func (w *workshop) goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", slices.Insert(args, 1, "-overlay", filepath.Join(dir, overlayFile))...)
	cmd.Dir = w.root
	cmd.Env = append(os.Environ(), "GOTMPDIR="+dir)
	return cmd.CombinedOutput()
}

// build builds p with the overlay in dir, into dir.
func (w *workshop) build(ctx context.Context, dir string, p program) (path string, err error) {
	path = filepath.Join(dir, p.file())
	args := []string{"build", "-o", path, "./" + p.pkg}
	if p.tests {
		args = []string{"test", "-c", "-o", path, "./" + p.pkg}
	}
	if out, err := w.goCommand(ctx, dir, args...); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// program returns p with all changes in it, none of them chosen.
func (w *workshop) program(ctx context.Context, p program) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.programs[p] == nil {
		path, err := w.build(ctx, w.dir, p)
		if err == nil {
			w.programs[p], err = os.ReadFile(path)
		}
		if err != nil {
			return nil, err
		}
	}
	return w.programs[p], nil
}

// bench is where one change is checked.
type bench struct {
	*workshop
	dir    string    // its own, with all that is made there
	m      *mutation // nil for none
	number int
	made   map[program]string
}

func (w *workshop) bench(m *mutation) (*bench, error) {
	dir, err := os.MkdirTemp(filepath.Dir(w.dir), "")
	if err != nil {
		return nil, err
	}
	b := &bench{workshop: w, dir: dir, m: m, made: map[program]string{}}
	if m != nil {
		b.number = w.numbers[m.name]
		err = overlay(dir, map[string][]byte{m.source.abs: m.changed()})
	}
	return b, errors.Join(err, os.Mkdir(b.temp(), 0o700), os.Mkdir(b.work(), 0o700),
		os.Symlink(filepath.Join(w.root, "testdata"), filepath.Join(dir, "testdata")))
}

func (b *bench) temp() string { return filepath.Join(b.dir, "tmp") }

// work is where the programs run: beside the module's testdata, as a package of
// its own is, but with nothing in it that could be written over.
func (b *bench) work() string { return filepath.Join(b.dir, "work") }

func (b *bench) remove() error { return os.RemoveAll(b.dir) }

// program returns the path of p with the change in it. Only a constant of a
// package must be built by itself.
func (b *bench) program(ctx context.Context, p program) (path string, err error) {
	switch {
	case b.made[p] != "":
		return b.made[p], nil
	case b.m != nil && b.m.function != nil && b.number == 0:
		return "", errNotCompiled
	case b.m != nil && b.m.function == nil:
		if path, err = b.build(ctx, b.dir, p); err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", errNotCompiled, err)
		}
	default:
		var all []byte
		if all, err = b.workshop.program(ctx, p); err == nil {
			path = filepath.Join(b.dir, p.file())
			// What is written to cannot be executed, and a child between fork and
			// exec would have it open.
			syscall.ForkLock.RLock()
			err = os.WriteFile(path, number(all, b.number), 0o700)
			syscall.ForkLock.RUnlock()
		}
	}
	b.made[p] = path
	return path, err
}
