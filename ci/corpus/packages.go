// Package corpus has what the programs share that run racefuzz on many others:
// Debian's packages in a cache, one run of racefuzz with what came of it, and
// how that is put into words.
package corpus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Packages are those that are needed and not installed, downloaded and
// unpacked below Dir.
type Packages struct{ Dir string }

// Root is where they are unpacked.
func (p Packages) Root() string { return filepath.Join(p.Dir, "root") }

// Fetch gets a package, with what it depends on and is not there, and returns
// its version.
func (p Packages) Fetch(ctx context.Context, name string) (string, error) {
	archives := filepath.Join(p.Dir, "archives")
	if err := os.MkdirAll(filepath.Join(archives, "partial"), 0o755); err != nil {
		return "", err
	}
	get := exec.CommandContext(ctx, "apt-get", "-qq", "-y", "--no-install-recommends", "--reinstall", "--download-only",
		"-o", "Debug::NoLocking=1", "-o", "Dir::Cache::archives="+archives, "install", name)
	if out, err := get.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	all, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil {
		return "", err
	}
	for _, archive := range all {
		if err := p.unpack(ctx, archive); err != nil {
			return "", err
		}
	}
	own, err := filepath.Glob(filepath.Join(archives, name+"_*.deb"))
	if err != nil || len(own) == 0 {
		return "", errors.Join(err, fmt.Errorf("apt-get has not downloaded %s", name))
	}
	version, err := exec.CommandContext(ctx, "dpkg-deb", "-f", slices.MaxFunc(own, byTime), "Version").Output()
	return strings.TrimSpace(string(version)), err
}

func byTime(a, b string) int {
	s, _ := os.Stat(a)
	t, _ := os.Stat(b)
	return s.ModTime().Compare(t.ModTime())
}

// unpack unpacks an archive once.
func (p Packages) unpack(ctx context.Context, archive string) error {
	mark := archive + ".unpacked"
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", archive, p.Root()).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return os.WriteFile(mark, nil, 0o644)
}

// Environment has programs, libraries and modules found where they are
// unpacked.
func (p Packages) Environment() []string {
	root := p.Root()
	var paths []string
	for _, dir := range []string{"usr/sbin", "sbin", "usr/bin", "bin"} {
		paths = append(paths, filepath.Join(root, dir))
	}
	libraries, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*"))
	return append(os.Environ(),
		"PATH="+strings.Join(append(paths, os.Getenv("PATH")), ":"),
		"LD_LIBRARY_PATH="+strings.Join(libraries, ":"),
		"DEBIAN_ROOT="+root, // for what is found nowhere else; it is empty where packages are installed
		"PYTHONPATH="+filepath.Join(root, "usr/lib/python3/dist-packages"))
}
