package program

// Proves that a case's files are made inside its directory and nowhere else,
// whatever the case says and whatever a program has done there.

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// place is a case's directory, beside one with a file that nobody may touch.
func place(t *testing.T) (root *os.Root, outside string) {
	t.Helper()
	top := t.TempDir()
	outside = filepath.Join(top, "outside")
	for _, dir := range []string{outside, filepath.Join(top, "case")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "x"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(top, "case"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, outside
}

// unharmed fails the test unless what is outside is as it was.
func unharmed(t *testing.T, outside string) {
	t.Helper()
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside are %v, %v", entries, err)
	}
	path := filepath.Join(outside, "x")
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "precious" {
		t.Errorf("the file outside holds %q, %v", content, err)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file outside has mode %v", info.Mode())
	}
}

func file(name, content string) race.File {
	return race.File{Name: name, Kind: race.Regular, Content: content}
}
func link(name, to string) race.File { return race.File{Name: name, Kind: race.Link, Content: to} }
func dir(name string) race.File      { return race.File{Name: name, Kind: race.Dir} }

func TestNothingIsMadeThroughALink(t *testing.T) {
	root, outside := place(t)
	program := []string{"true"} // with which a link may lead anywhere
	for _, c := range []race.Case{
		{Files: []race.File{link("sub", outside), file("sub/x", "new")}},
		{Command: program, Files: []race.File{link("sub", outside), file("sub/x", "new")}},
		{Command: program, Files: []race.File{link("sub", "../outside"), file("sub/x", "new")}},
		{Command: program, Files: []race.File{link("sub", outside), dir("sub/deep")}},
		{Command: program, Files: []race.File{link("sub", outside), link("sub/y", "x")}},
		{Command: program, Files: []race.File{link("sub", outside), {Name: "sub/fifo", Kind: race.FIFO}}},
		{Command: program, Files: []race.File{link("sub", outside), dir("sub"), file("sub/x", "new")}},
		{Command: program, Files: []race.File{link("x", outside+"/x"), file("x", "new")}},
		{Command: program, Files: []race.File{link("x", outside+"/x"), {Name: "x", Kind: race.Config, Content: "new"}}},
		{Command: program, Files: []race.File{dir("a"), link("a/b", outside), file("a/b/x", "new")}},
		{Command: program, Files: []race.File{link("here", "."), file("here/x", "new")}},
		{Files: []race.File{link("server.pid", outside+"/x")}}, // what runs without a command may follow it
		{Files: []race.File{link("server.pid", "../outside/x")}},
		{Files: []race.File{link("server.pid", "sub/../../outside/x")}},
		{Files: []race.File{dir("sub"), link("sub/server.pid", "../../outside/x")}},
	} {
		if err := Furnish(root, c, 1, 2); err == nil {
			t.Errorf("%+v is made", c.Files)
		}
		unharmed(t, outside)
		if err := Empty(root); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesLeadNowhereElse(t *testing.T) {
	root, outside := place(t)
	names := []string{"", ".", "..", "../outside/x", "/x", outside + "/x", "a/../../outside/x", "a/..", "a//b", "./a", "a/", "a\x00b"}
	if runtime.GOOS == "windows" {
		names = append(names, "CON", "NUL", "com1", "LPT9", "nul.txt", `a\..\..\outside\x`, `C:\x`, `C:x`, `a:stream`, `\\host\share\x`, "a/CON", "CONIN$")
	}
	for _, name := range names {
		for _, kind := range []race.Kind{race.Regular, race.Config, race.Link, race.Dir, race.FIFO} {
			c := race.Case{Command: []string{"true"}, Files: []race.File{dir("a"), {Name: name, Kind: kind, Content: "x"}}}
			if err := Furnish(root, c, 1, 2); err == nil {
				t.Errorf("a %s called %q is made", kind, name)
			}
			if err := Empty(root); err != nil {
				t.Fatal(err)
			}
		}
	}
	unharmed(t, outside)
}

// A program of an earlier run may have left anything where the case's files go.
func TestWhatIsThereIsNotReplaced(t *testing.T) {
	root, outside := place(t)
	traps := map[string]func(name string) error{
		"hard link": func(name string) error { return os.Link(filepath.Join(outside, "x"), name) },
		"link":      func(name string) error { return os.Symlink(filepath.Join(outside, "x"), name) },
		"directory": func(name string) error { return os.Symlink(outside, name) },
	}
	for what, trap := range traps {
		if err := trap(filepath.Join(root.Name(), "x")); err != nil {
			t.Logf("no %s can be made here: %v", what, err)
			continue
		}
		for _, f := range []race.File{file("x", "new"), {Name: "x", Kind: race.Config}, dir("x"), link("x", "y"), {Name: "x", Kind: race.FIFO, Perm: 0o666}} {
			if err := Furnish(root, race.Case{Files: []race.File{f}}, 1, 2); err == nil {
				t.Errorf("a %s is made in the place of a %s", f.Kind, what)
			}
		}
		if err := Empty(root); err != nil {
			t.Fatal(err)
		}
		unharmed(t, outside)
	}
}

func TestEmptyingFollowsNothing(t *testing.T) {
	root, outside := place(t)
	inside := func(name string) string { return filepath.Join(root.Name(), name) }
	deep := strings.Repeat("d/", 50)
	if err := os.MkdirAll(inside(deep), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, make := range []error{
		os.Symlink(outside, inside("link")),
		os.Symlink(filepath.Join("..", "outside"), inside("relative")),
		os.Symlink(outside, inside(deep+"link")),
		os.Link(filepath.Join(outside, "x"), inside(deep+"hard")),
		os.Symlink(root.Name(), inside("itself")),
	} {
		if make != nil {
			t.Logf("not made: %v", make)
		}
	}
	if err := Empty(root); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(root.Name()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	unharmed(t, outside)
}

// While it is emptied, somebody puts a link in the place of a directory and
// back, again and again.
func TestEmptyingFollowsNothingThatChanges(t *testing.T) {
	root, outside := place(t)
	inside := func(name string) string { return filepath.Join(root.Name(), name) }
	if err := os.Symlink(outside, filepath.Join(filepath.Dir(outside), "trap")); err != nil {
		t.Skipf("no links here: %v", err)
	}
	over, swapped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(swapped)
		for {
			select {
			case <-over:
				return
			default:
			}
			os.MkdirAll(inside("dir"), 0o700)
			os.WriteFile(inside("dir/x"), nil, 0o600)
			os.Rename(inside("dir"), inside("away"))
			os.Symlink(outside, inside("dir"))
			os.Remove(inside("dir"))
			os.RemoveAll(inside("away"))
		}
	}()
	for range 2000 {
		Empty(root) // which may fail while it is being filled
	}
	close(over)
	<-swapped
	if err := Empty(root); err != nil {
		t.Error(err)
	}
	unharmed(t, outside)
}

func TestFilesAreMadeAsTheCaseSays(t *testing.T) {
	root, _ := place(t)
	c := race.Case{Command: []string{"true"}, Files: []race.File{
		file("server.pid", "{dead} {stranger}\n"), {Name: "conf", Kind: race.Config, Content: "x", Perm: 0o640},
		{Name: "closed", Kind: race.Dir, Perm: 0o500}, file("closed/x", ""), dir("open"), link("away", "/nowhere"),
	}}
	if runtime.GOOS != "windows" {
		c.Files = append(c.Files, race.File{Name: "fifo", Kind: race.FIFO, Perm: 0o666})
	}
	if err := Furnish(root, c, 11, 22); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(root.Name(), "server.pid")); string(got) != "22 11\n" {
		t.Errorf("the pid file holds %q, %v", got, err)
	}
	if to, err := os.Readlink(filepath.Join(root.Name(), "away")); to != "/nowhere" && runtime.GOOS != "windows" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	for name, want := range map[string]os.FileMode{
		"server.pid": 0o644, "conf": 0o640, "closed": os.ModeDir | 0o500, "closed/x": 0o644, "open": os.ModeDir | 0o755, "fifo": os.ModeNamedPipe | 0o666,
	} {
		if info, err := root.Lstat(name); runtime.GOOS != "windows" && (err != nil || info.Mode() != want) {
			t.Errorf("%s: mode %v, want %v, %v", name, info.Mode(), want, err)
		}
	}
	for _, perm := range []uint32{0o4755, 1 << 23, 1 << 31} { // set-uid, as the system or as Go has it
		bad := race.Case{Command: c.Command, Files: []race.File{{Name: "y", Kind: race.Regular, Perm: perm}}}
		if err := Furnish(root, bad, 1, 2); err == nil {
			t.Errorf("permission bits %o are accepted", perm)
		}
	}
}
