package commands

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/content"
)

// Place is the directory in which commands run. It always has the same path and
// begins as a copy of a template, of which only what was changed is copied anew.
type Place struct {
	Dir      string   // where the commands run
	In       []string // absolute paths of what is outside and was taken in; it is called by them
	template string
	// Reader, if it is not nil, says what counts of the place: then its files do
	// not.
	Reader func() []byte

	stamps map[string]stamp // of all that is in Dir, as Restore left it
	base   content.State    // of the template, as far as it was read
}

// NewPlace makes a place below the directory base that begins as what is in its
// subdirectory "template", which is made if it is not there.
func NewPlace(base string) (*Place, error) {
	p := &Place{Dir: filepath.Join(base, "dir"), template: filepath.Join(base, "template"), stamps: map[string]stamp{}, base: content.State{}}
	for _, dir := range []string{p.template, p.Dir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Keep makes what is in the place now its template.
func (p *Place) Keep() error {
	if err := os.RemoveAll(p.template); err != nil {
		return err
	}
	p.base = content.State{}
	if err := copyTree(p.Dir, p.template); err != nil {
		return err
	}
	for _, name := range p.In {
		kept := p.kept(name)
		if err := errors.Join(os.RemoveAll(kept), os.MkdirAll(filepath.Dir(kept), 0o700)); err != nil {
			return err
		}
		if err := copyTree(name, kept); err != nil && !absent(err) {
			return err
		}
	}
	return p.note()
}

// tick is more than the clocks of file systems count as one moment.
const tick = 20 * time.Millisecond

// note takes down what is in the place. An entry that was changed only just now
// could be changed again without a trace: it counts as changed whatever comes.
func (p *Place) note() error {
	p.stamps = map[string]stamp{}
	now := time.Now()
	return p.walk(func(name string, s stamp) error {
		s.unsure = !s.mode.IsDir() && now.Sub(s.touched()) < tick
		p.stamps[name] = s
		return nil
	})
}

// walk calls f for everything in the place, what a directory holds after the
// directory.
func (p *Place) walk(f func(name string, s stamp) error) error {
	for _, root := range append([]string{p.Dir}, p.In...) {
		if err := p.walkFrom(root, f); err != nil {
			return err
		}
	}
	return nil
}

func (p *Place) walkFrom(root string, f func(name string, s stamp) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		s, err := stampOf(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if root == p.Dir {
			if path, err = filepath.Rel(root, path); err != nil {
				return err
			}
		}
		return f(filepath.ToSlash(path), s)
	})
}

// Restore makes the place what the template is.
func (p *Place) Restore() error {
	changed, gone, err := p.differs()
	if err != nil || len(changed)+len(gone) == 0 {
		return err
	}
	for _, name := range slices.Backward(changed) { // what is in a directory before it
		if name == "." {
			continue
		}
		path := p.path(name)
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			os.Chmod(path, 0o700)
			if old, err := os.Lstat(p.kept(name)); err == nil && old.IsDir() {
				continue
			}
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	names := append(changed, gone...)
	slices.Sort(names)
	for _, name := range names {
		if err := copyEntry(p.kept(name), p.path(name)); err != nil && !absent(err) {
			return err
		}
	}
	for name, s := range p.stamps { // directories last: their times change with what is put into them
		if s.mode.IsDir() {
			dress(p.path(name), s.mode.Perm(), s.modified)
		}
	}
	return p.note()
}

// absent reports whether an error says that there is no such name.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }

// path is where an entry is, and kept where the template has it.
func (p *Place) path(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Dir, filepath.FromSlash(name))
}

func (p *Place) kept(name string) string {
	if path.IsAbs(name) {
		return filepath.Join(p.template+"-in", name)
	}
	return filepath.Join(p.template, filepath.FromSlash(name))
}

// differs returns what is not as Restore left it, and what is not there any more.
func (p *Place) differs() (changed, gone []string, err error) {
	seen := map[string]bool{}
	err = p.walk(func(name string, s stamp) error {
		seen[name] = true
		if p.stamps[name] != s {
			changed = append(changed, name)
		}
		return nil
	})
	for name := range p.stamps {
		if !seen[name] {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return changed, gone, err
}

// ReaderName is what the words of the reader are called among the files.
const ReaderName = "what the reader says"

// Snapshot is what a place holds, as far as it differs from its template.
type Snapshot struct {
	changed content.State
	gone    map[string]bool
}

// Said is what the reader says, if there is one.
func (s Snapshot) Said() string { return string(s.changed[ReaderName].Data) }

// Names are the names of what differs, in order.
func (s Snapshot) Names() (names []string) {
	for name := range s.changed {
		names = append(names, name)
	}
	for name := range s.gone {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Snapshot returns what the place holds now. Names for which skip returns true
// are left out.
func (p *Place) Snapshot(skip func(name string) bool) (Snapshot, error) {
	if p.Reader != nil {
		said := strings.ReplaceAll(string(p.Reader()), p.Dir, "{dir}")
		return Snapshot{changed: content.State{ReaderName: content.File{Data: []byte(said)}}, gone: map[string]bool{}}, nil
	}
	changed, gone, err := p.differs()
	if err != nil {
		return Snapshot{}, err
	}
	changed = slices.DeleteFunc(changed, func(name string) bool { return name == "." || skip != nil && skip(name) })
	s := Snapshot{gone: map[string]bool{}}
	for _, name := range gone {
		s.gone[name] = skip == nil || !skip(name)
	}
	s.changed, err = content.ReadNames(p.path, changed)
	for name, f := range s.changed { // texts name the place where they were made
		f.Data = []byte(strings.ReplaceAll(string(f.Data), p.Dir, "{dir}"))
		s.changed[name] = f
	}
	return s, err
}

// States are the snapshots as states that have the same names: all that differs
// from the template in one of them.
func (p *Place) States(snapshots []Snapshot) ([]content.State, error) {
	names := map[string]bool{}
	for _, s := range snapshots {
		for _, name := range s.Names() {
			names[name] = true
		}
	}
	var missing []string
	for name := range names {
		if _, known := p.base[name]; !known {
			missing = append(missing, name)
		}
	}
	read, err := content.ReadNames(p.kept, missing)
	if err != nil {
		return nil, err
	}
	for _, name := range missing {
		p.base[name] = read[name]
	}
	states := make([]content.State, len(snapshots))
	for i, s := range snapshots {
		states[i] = content.State{}
		for name := range names {
			f, changed := s.changed[name]
			if old, there := p.base[name]; !changed && !s.gone[name] && there && old.Perm != 0 {
				f, changed = old, true
			}
			if changed {
				states[i][name] = f
			}
		}
	}
	return states, nil
}

// copyTree copies all that is in a directory. A socket is left out: it would
// belong to nobody.
func copyTree(from, to string) error {
	var dirs []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			dirs = append(dirs, name)
		}
		return copyEntry(path, filepath.Join(to, name))
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(dirs) {
		info, err := os.Stat(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := dress(filepath.Join(to, name), info.Mode().Perm(), info.ModTime()); err != nil {
			return err
		}
	}
	return nil
}

func copyEntry(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case fs.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case fs.ModeNamedPipe:
		return makeFIFO(to, info.Mode().Perm())
	case 0:
		return copyFile(from, to, info)
	}
	return nil
}

func copyFile(from, to string, info fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) // by reflink where the file system has it
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return dress(to, info.Mode().Perm(), info.ModTime())
}

// dress gives an entry its permissions and its time.
func dress(path string, perm fs.FileMode, modified time.Time) error {
	return errors.Join(os.Chmod(path, perm), os.Chtimes(path, modified, modified))
}
