package commands

// Proves that a place becomes its template again, whatever a command did in it,
// and that a snapshot has all that differs.

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func newPlace(t *testing.T, files ...string) *Place {
	t.Helper()
	p, err := NewPlace(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(p.Dir, files[i]), files[i+1])
	}
	if err := p.Keep(); err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree is all that is in a directory: names, modes, times and contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		text := info.Mode().String()
		if name != "." {
			text += info.ModTime().Format(time.RFC3339Nano)
		}
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += string(data)
		case info.Mode().Type() == fs.ModeSymlink:
			target, _ := os.Readlink(path)
			text = "link " + target
		}
		all[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAPlaceBecomesItsTemplateAgain(t *testing.T) {
	p := newPlace(t, "f", "one\n", "d/g", "two\n", "d/e/h", "three\n", "x", "four\n")
	before := tree(t, p.Dir)
	for name, change := range map[string]func(dir string){
		"nothing":                    func(dir string) {},
		"a content of the same size": func(dir string) { write(t, dir+"/f", "two\n") },
		"a content":                  func(dir string) { write(t, dir+"/f", "longer\n") },
		"a new file":                 func(dir string) { write(t, dir+"/new/deep/n", "n\n") },
		"a removal":                  func(dir string) { os.Remove(dir + "/f") },
		"a directory removed":        func(dir string) { os.RemoveAll(dir + "/d") },
		"a mode":                     func(dir string) { os.Chmod(dir+"/f", 0o444) },
		"a rename over":              func(dir string) { os.Rename(dir+"/x", dir+"/f") },
		"a directory for a file":     func(dir string) { os.Remove(dir + "/f"); os.MkdirAll(dir+"/f/g", 0o755) },
		"a file for a directory":     func(dir string) { os.RemoveAll(dir + "/d"); write(t, dir+"/d", "x\n") },
		"a closed directory":         func(dir string) { os.Chmod(dir+"/d", 0o500) },
		"a file within a directory":  func(dir string) { write(t, dir+"/d/e/h", "other\n") },
		"all of it":                  func(dir string) { os.RemoveAll(dir + "/d"); os.Remove(dir + "/f"); os.Remove(dir + "/x") },
	} {
		change(p.Dir)
		if err := p.Restore(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if after := tree(t, p.Dir); !maps.Equal(before, after) {
			t.Fatalf("%s: %v, want %v", name, after, before)
		}
	}
}

func TestLinksAreCopiedAsLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights")
	}
	p := newPlace(t, "f", "x\n")
	if err := os.Symlink("f", filepath.Join(p.Dir, "l")); err != nil {
		t.Fatal(err)
	}
	if err := p.Keep(); err != nil {
		t.Fatal(err)
	}
	before := tree(t, p.Dir)
	os.Remove(filepath.Join(p.Dir, "l"))
	if err := p.Restore(); err != nil {
		t.Fatal(err)
	}
	if after := tree(t, p.Dir); !maps.Equal(before, after) {
		t.Errorf("%v, want %v", after, before)
	}
}

func TestASnapshotHasAllThatDiffers(t *testing.T) {
	p := newPlace(t, "f", "one\n", "g", "two\n", "h", "three\n", ".cache/c", "x\n")
	for i := range p.stamps { // as if all were long ago, so that nothing else counts as changed
		s := p.stamps[i]
		s.unsure = false
		p.stamps[i] = s
	}
	write(t, filepath.Join(p.Dir, "f"), p.Dir+"/x\n")
	write(t, filepath.Join(p.Dir, "d/new"), "n\n")
	write(t, filepath.Join(p.Dir, ".cache/c"), "y\n")
	os.Remove(filepath.Join(p.Dir, "g"))
	s, err := p.Snapshot(func(name string) bool { return name == ".cache/c" })
	if err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(s.Names(), func(name string) bool { return name == ".cache" })
	if want := []string{"d", "d/new", "f", "g"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if got := string(s.changed["f"].Data); got != "{dir}/x\n" {
		t.Errorf("the path of the place stands in it: %q", got)
	}
	states, err := p.States([]Snapshot{{gone: map[string]bool{}}, s})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(states[0]["g"].Data); got != "two\n" {
		t.Errorf("what is gone from another is %q in the template's state", got)
	}
	if _, there := states[1]["g"]; there {
		t.Error("what is gone is there")
	}
	if _, there := states[0]["d/new"]; there {
		t.Error("what is new is in the template's state")
	}
}
