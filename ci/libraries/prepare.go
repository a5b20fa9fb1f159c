package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/memlatch/memlatch/ci/corpus"
)

// programs are where the daemons are, by language.
const programs = "ci/libraries/programs"

// workshop makes the daemons ready to run, all of it in its cache.
type workshop struct {
	ctx      context.Context
	cache    string
	packages corpus.Packages
	done     map[string]error // what was made ready in this run
}

func newWorkshop(ctx context.Context, cache string) *workshop {
	return &workshop{ctx: ctx, cache: cache, packages: corpus.Packages{Dir: cache}, done: map[string]error{}}
}

func (w *workshop) in(parts ...string) string {
	return filepath.Join(append([]string{w.cache}, parts...)...)
}

// environment has the daemons found, and by them their libraries.
func (w *workshop) environment() []string {
	root := w.packages.Root()
	env := w.packages.Environment()
	perl := globbed(root, "usr/lib/*/perl5/*")
	ruby := append(globbed(root, "usr/lib/ruby/[0-9]*"), globbed(root, "usr/lib/*/ruby/[0-9]*")...)
	for _, set := range []struct {
		name   string
		places []string
	}{
		{"PERL5LIB", append(perl, filepath.Join(root, "usr/share/perl5"))},
		{"RUBYLIB", append(ruby, filepath.Join(root, "usr/lib/ruby/vendor_ruby"))},
		{"NODE_PATH", []string{w.in("node/node_modules")}},
		{"LD_LIBRARY_PATH", append(globbed(root, "usr/lib/*-linux-gnu*"), filepath.Join(root, "usr/lib/news"))},
		{"CLASSPATH", []string{w.in("java")}},
		{"PYTHONDONTWRITEBYTECODE", []string{"1"}},
		{"PATH", []string{w.in("bin"), pathOf(env), filepath.Join(root, "usr/lib/news/bin")}},
	} {
		env = append(env, set.name+"="+strings.Join(set.places, ":"))
	}
	return env
}

// pathOf returns the last PATH of an environment, which is the one in force.
func pathOf(env []string) (path string) {
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	return path
}

// once does what several libraries need.
func (w *workshop) once(what string, do func() error) error {
	err, done := w.done[what]
	if !done {
		err = do()
		w.done[what] = err
	}
	return err
}

// ready fetches the library and makes its daemon; it returns the version.
func (w *workshop) ready(l library) (version string, err error) {
	version = l.Version
	for _, name := range l.Debian {
		v, err := w.packages.Fetch(w.ctx, name)
		if err != nil {
			return "", err
		}
		if version == "" {
			version = v
		}
	}
	if err := os.MkdirAll(w.in("bin"), 0o755); err != nil {
		return "", err
	}
	name := l.Command[0]
	switch l.Language {
	case "Go":
		return version, w.goProgram(l, name)
	case "Rust":
		return version, w.once("rust", w.rust)
	case "C":
		return version, w.c(name, l.Link)
	case "Java":
		if err := w.once("java", w.java); err != nil {
			return "", err
		}
		out, err := exec.CommandContext(w.ctx, "java", "--version").Output()
		version, _, _ = strings.Cut(string(out), "\n")
		return version, err
	case "node":
		if err := w.once("node", w.node); err != nil {
			return "", err
		}
	}
	return version, w.script(languages[l.Language], name)
}

// languages are the scripts': where they are, and what runs them.
var languages = map[string]struct{ dir, ending, interpreter string }{
	"Python": {"python", ".py", "python3"},
	"node":   {"node", ".js", "node"},
	"Perl":   {"perl", ".pl", "perl"},
	"PHP":    {"php", ".php", "php8.2"},
	"Ruby":   {"ruby", ".rb", "ruby"},
	"sh":     {"sh", ".sh", "sh"},
	"bash":   {"sh", ".bash", "bash"},
}

// script makes an executable of a script and the interpreter there is. That of
// the system is preferred to the stand-ins of version managers.
func (w *workshop) script(language struct{ dir, ending, interpreter string }, name string) error {
	text, err := os.ReadFile(filepath.Join(programs, language.dir, name+language.ending))
	if err != nil {
		return err
	}
	interpreter := ""
	for _, dir := range append([]string{"/usr/bin", "/bin"}, filepath.SplitList(pathOf(w.environment()))...) {
		path := filepath.Join(dir, language.interpreter)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 && interpreter == "" {
			interpreter = path
		}
	}
	if interpreter == "" {
		return fmt.Errorf("there is no %s here", language.interpreter)
	}
	return os.WriteFile(w.in("bin", name), append([]byte("#!"+interpreter+"\n"), text...), 0o755)
}

// command runs a command in a directory.
func (w *workshop) command(dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(w.ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// goProgram builds with the modules of go.mod or, where the library is that of
// a package of Debian, with the sources which that has.
func (w *workshop) goProgram(l library, name string) error {
	if l.Debian != nil {
		return w.command(".", []string{"GO111MODULE=off", "GOPATH=" + filepath.Join(w.packages.Root(), "usr/share/gocode")},
			"go", "build", "-o", w.in("bin", name), filepath.Join(programs, "debian", name+".go"))
	}
	return w.once("go", func() error {
		return w.command(filepath.Join(programs, "go"), []string{"GOMODCACHE=" + w.in("gomod"), "GOFLAGS=-modcacherw"},
			"go", "build", "-o", w.in("bin", name), ".")
	})
}

// rust builds with the crates that Debian's packages have.
func (w *workshop) rust() error {
	crates := filepath.Join(w.packages.Root(), "usr/share/cargo/registry")
	return w.command(w.cache, []string{"CARGO_HOME=" + w.in("cargo"), "CARGO_TARGET_DIR=" + w.in("rust")}, "sh", "-ec", `
		cp -r "$1" crate
		cd crate
		cargo build -q --offline --config 'source.crates-io.replace-with="debian"' --config "source.debian.directory=\"$2\""
		cp ../rust/debug/rust-locks ../bin/
		rm -r ../crate`, "sh", absolute(filepath.Join(programs, "rust")), crates)
}

func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

func (w *workshop) c(name, link string) error {
	root := w.packages.Root()
	args := []string{"-o", w.in("bin", name), filepath.Join(programs, "c", name+".c"), "-I" + filepath.Join(root, "usr/include")}
	for _, dir := range append(globbed(root, "usr/lib/*-linux-gnu*"), globbed(root, "lib/*-linux-gnu*")...) {
		args = append(args, "-L"+dir, "-Wl,-rpath-link,"+dir)
	}
	return w.command(".", nil, "gcc", append(args, strings.Fields(link)...)...)
}

// globbed are the places below root that there are.
func globbed(root, pattern string) []string {
	found, _ := filepath.Glob(filepath.Join(root, pattern))
	return found
}

// java compiles, and starts the virtual machine without what takes long.
func (w *workshop) java() error {
	if err := w.command(".", nil, "javac", "-d", w.in("java"), filepath.Join(programs, "java/Locks.java")); err != nil {
		return err
	}
	const start = "#!/bin/sh\nexec java -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 Locks \"$@\"\n"
	return os.WriteFile(w.in("bin/java-locks"), []byte(start), 0o755)
}

// node installs what the lock file of the package manager has, and builds what
// is in C++ with the headers of the node there is.
func (w *workshop) node() error {
	return w.command(filepath.Join(programs, "node"), []string{"npm_config_cache=" + w.in("npm"), "npm_config_devdir=" + w.in("gyp")}, "sh", "-ec", `
		mkdir -p "$1"
		cp package.json package-lock.json "$1"
		cd "$1"
		npm ci --ignore-scripts
		prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
		gyp=$(dirname "$(readlink -f "$(command -v npm)")")/../node_modules/node-gyp/bin/node-gyp.js
		for native in fs-ext os-lock; do
			(cd node_modules/$native && node "$gyp" rebuild --nodedir="$prefix")
		done`, "sh", w.in("node"))
}
