package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// What lies outside of the place and is taken in is moved aside, to a name beside
// its own, and the commands work on a copy. It is moved back in the end: all of
// it is what it was, and where this process is killed nothing is lost.

// aside ends the name that what was there has meanwhile.
const aside = ".racefuzz"

// nothing is where a link of such a name leads if there was nothing.
const nothing = "nothing"

// TakeIn makes the file or directory at an absolute path, or what may come to be
// there, part of the place. It is refused if one of the paths that are spared is
// in it, or if it belongs to the system.
func (p *Place) TakeIn(name string, spared []string) error {
	full, err := p.mayTakeIn(name, spared)
	if err != nil {
		return err
	}
	_, err = os.Lstat(full)
	if there := err == nil; there {
		err = move(full, full+aside)
	} else {
		err = os.Symlink(nothing, full+aside)
	}
	switch {
	case errors.Is(err, fs.ErrExist) && wasNothing(full):
		return refuseIn(name, "a run uses it, or one was killed; there was nothing before that", fmt.Sprintf("if none uses it, type: rm -r %s; rm %s", full, full+aside))
	case errors.Is(err, fs.ErrExist):
		return refuseIn(name, "a run uses it, or one was killed; what was there before that is "+full+aside, fmt.Sprintf("if none uses it, type: rm -r %s; mv %s %s", full, full+aside, full))
	case err != nil:
		return refuseIn(name, err.Error(), "name something that you may move")
	}
	p.In = append(p.In, full)
	if wasNothing(full) {
		return nil
	}
	return copyTree(full+aside, full)
}

// PutBack makes all that was taken in what it was before. Where it fails for one
// it goes on with the others.
func (p *Place) PutBack() (err error) {
	for _, full := range p.In {
		_, failed := os.Lstat(full + aside)
		if failed == nil {
			failed = remove(full)
		}
		switch {
		case failed != nil:
		case wasNothing(full):
			failed = os.Remove(full + aside)
		default:
			failed = move(full+aside, full)
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s cannot be put back from %s: %w", full, full+aside, failed))
		}
	}
	p.In = nil
	return err
}

// Aside says where what was taken in is meanwhile.
func (p *Place) Aside() (sentences []string) {
	for _, full := range p.In {
		if !wasNothing(full) {
			sentences = append(sentences, full+" is "+full+aside)
		}
	}
	return sentences
}

// remove removes all that is at a path, whatever rights its directories give.
func remove(full string) error {
	filepath.WalkDir(full, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o700) // what cannot be opened is told by what follows
		}
		return nil
	})
	return os.RemoveAll(full)
}

func wasNothing(full string) bool {
	target, err := os.Readlink(full + aside)
	return err == nil && target == nothing
}

// systems are directories of which nothing can be taken in.
var systems = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr"}

// common are directories that many programs have their files in.
var common = []string{"/run/lock", "/run/user", "/var/cache", "/var/lib", "/var/log", "/var/spool", "/var/tmp"}

// mayTakeIn returns the path without links, or why it cannot be taken in.
func (p *Place) mayTakeIn(name string, spared []string) (full string, err error) {
	refuse := func(reason string) (string, error) {
		return "", refuseIn(name, reason, "name the whole path of a file, or of a directory that only the commands use, such as /var/tmp/app")
	}
	if !filepath.IsAbs(name) {
		return refuse("not an absolute path")
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(filepath.Clean(name)))
	if err != nil {
		return refuse(err.Error())
	}
	full = filepath.Join(dir, filepath.Base(name))
	if dir == "/" {
		return refuse("it belongs to the system")
	}
	for _, system := range systems {
		if within(full, system) {
			return refuse("it belongs to the system")
		}
	}
	for _, other := range p.In {
		if within(full, other) || within(other, full) {
			return refuse(other + " is taken in already")
		}
	}
	kept := append([]string{p.Dir, "/home/" + filepath.Base(full)}, common...)
	if home, err := os.UserHomeDir(); err == nil {
		kept = append(kept, home)
	}
	if me, err := user.Current(); err == nil {
		kept = append(kept, me.HomeDir)
	}
	if here, err := os.Getwd(); err == nil {
		kept = append(kept, here)
	}
	for _, other := range append(kept, spared...) {
		if real, err := filepath.EvalSymlinks(other); err == nil {
			other = real
		}
		if within(other, full) {
			return refuse("it is, or has in it, " + other)
		}
	}
	if info, err := os.Lstat(full); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return refuse("neither a file nor a directory")
	} else if err != nil && !absent(err) {
		return refuse(err.Error())
	}
	return full, nil
}

// within reports whether a path is a directory, or in it.
func within(full, dir string) bool {
	return full == dir || strings.HasPrefix(full, strings.TrimSuffix(dir, "/")+"/")
}

func refuseIn(name, reason, remedy string) error {
	return &Refusal{"-in " + name + ": " + reason, remedy}
}
