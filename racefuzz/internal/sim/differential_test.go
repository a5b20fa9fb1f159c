package sim

// Proves that the file system in memory answers as the real one does: the same
// operations run on both, and every result must be equal.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// process is what a process can do on either system, and rangeLocker what its
// open files can do besides.
type (
	process interface {
		lock.System
		OpenFile(path string, flag int) (lock.File, error)
		Rename(oldpath, newpath string) error
		Link(oldpath, newpath string) error
	}
	rangeLocker interface {
		TryLockRange(off, n int64, exclusive bool) error
		UnlockRange(off, n int64) error
	}
)

// side is one of the two systems under comparison.
type side struct {
	processes []process
	files     []lock.File
	content   func(name string) (string, bool)
	names     func() []string
}

// comparison runs operations on both sides.
type comparison struct {
	sim, real side
	owner     []int    // of each file, the index of its process
	path      []string // of each file, the name under which it was opened
	raw       []bool   // of each file, whether OpenFile opened it
	dead      int      // the id of a process that has ended
}

const (
	processes = 3
	maxOpen   = 8
)

var initial = []race.File{
	{Name: "pid", Kind: race.Regular, Content: "4242424\n"},
	{Name: "other", Kind: race.Regular, Content: "17\n"},
	{Name: "dir", Kind: race.Dir},
	{Name: "dir/inner", Kind: race.Regular},
	{Name: "link", Kind: race.Link, Content: "pid"},
	{Name: "dangling", Kind: race.Link, Content: "new"},
	{Name: "circle", Kind: race.Link, Content: "circle"},
	{Name: "fifo", Kind: race.FIFO},
	{Name: "readonly", Kind: race.Regular, Content: "1\n", Perm: 0o400},
	{Name: "writeonly", Kind: race.Regular, Content: "2\n", Perm: 0o200},
	{Name: "closed", Kind: race.Dir, Perm: 0o500},
}

// Names to open, to move about, and to look at.
var (
	allNames     = []string{"pid", "pid", "pid", "other", "new", "dir", "dir/inner", "dir/new", "link", "dangling", "circle", "fifo", "readonly", "writeonly", "closed/new", "missing/new", "other/new"}
	regularNames = []string{"pid", "pid", "pid", "other", "new", "dir/inner", "closed/new", "missing/new"}
	readable     = slices.DeleteFunc(slices.Clone(allNames), func(name string) bool { return name == "fifo" })
)

func TestSimulationAnswersAsTheRealSystem(t *testing.T) {
	rules := rulesOfThisSystem(t)
	t.Logf("this system has the rules %q", rules)
	var files []race.File
	for _, f := range initial {
		if possible(t, f) {
			files = append(files, f)
		}
	}
	c := comparison{dead: deadProcess(t)}
	home := t.TempDir()
	simulation := New(rules)
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(home, "")
		if err != nil {
			t.Fatal(err)
		}
		simulation.Reset()
		c.start(simulation, dir)
		defer c.end(t, dir)
		c.setup(t, files, simulation, dir)
		t.Repeat(c.actions())
	})
}

func (c *comparison) start(s *FS, dir string) {
	d := disk{dir: dir}
	c.owner, c.path, c.raw = nil, nil, nil
	c.sim = side{content: s.Content, names: s.Names}
	c.real = side{content: d.content, names: d.names}
	for range processes {
		c.sim.processes = append(c.sim.processes, s.Process(os.Getpid()))
		c.real.processes = append(c.real.processes, d)
	}
}

func (c *comparison) setup(t *rapid.T, files []race.File, s *FS, dir string) {
	for _, f := range files {
		if err := s.Setup([]race.File{f}); err != nil {
			t.Fatal(err)
		}
		if err := realise(filepath.Join(dir, f.Name), f); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files { // a directory that is closed to changes is closed last
		if f.Perm != 0 {
			if err := os.Chmod(filepath.Join(dir, f.Name), fs.FileMode(f.Perm)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (c *comparison) end(t *rapid.T, dir string) {
	for _, f := range c.real.files {
		f.Close()
	}
	os.Chmod(filepath.Join(dir, "closed"), 0o700)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// both runs one operation on each side and compares what it says.
func (c *comparison) both(t *rapid.T, operation string, do func(s *side) string) string {
	simulated, real := do(&c.sim), do(&c.real)
	t.Logf("%s: %s", operation, real)
	if simulated != real {
		t.Fatalf("%s: the simulation says %q, the system %q", operation, simulated, real)
	}
	return real
}

func (c *comparison) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"open":       c.open,
		"open again": func(t *rapid.T) { c.openAs(t, "pid", lock.Create) },
		"openfile":   c.openFile,
		"lock":       c.lock,
		"lock again": c.lock,
		"unlock": func(t *rapid.T) {
			c.onFile(t, "unlock", func(_ process, f lock.File) string { return word(f.Unlock()) })
		},
		"range":    c.lockRange,
		"read":     c.read,
		"write":    c.write,
		"truncate": c.truncate,
		"same":     c.same,
		"holds":    c.holds,
		"close":    func(t *rapid.T) { c.close(t, c.file(t)) },
		"die":      c.die,
		"remove":   c.remove,
		"rename":   c.rename,
		"link":     c.link,
		"":         c.look,
	}
}

func (c *comparison) open(t *rapid.T) {
	mode := rapid.SampledFrom([]lock.Mode{lock.Read, lock.Create}).Draw(t, "mode")
	c.openAs(t, rapid.SampledFrom(allNames).Draw(t, "name"), mode)
}

func (c *comparison) openAs(t *rapid.T, name string, mode lock.Mode) {
	op := fmt.Sprintf("open %s mode %d", name, mode)
	c.add(t, op, name, false, func(p process) (lock.File, error) { return p.Open(name, mode) })
}

func (c *comparison) openFile(t *rapid.T) {
	name := rapid.SampledFrom(allNames).Draw(t, "name")
	switch {
	case name == "fifo":
		t.Skip("would wait for ever")
	case name == "dir" && runtime.GOOS == "windows":
		t.Skip("what a handle of a directory can do there is of no interest")
	}
	flag := rapid.SampledFrom([]int{
		os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_TRUNC, os.O_RDWR | os.O_CREATE,
		os.O_RDWR | os.O_CREATE | os.O_EXCL, os.O_WRONLY | os.O_CREATE | os.O_TRUNC,
	}).Draw(t, "flag")
	op := fmt.Sprintf("openfile %s flag %#x", name, flag)
	c.add(t, op, name, true, func(p process) (lock.File, error) { return p.OpenFile(name, flag) })
}

func (c *comparison) add(t *rapid.T, operation, name string, raw bool, open func(process) (lock.File, error)) {
	if len(c.owner) >= maxOpen {
		t.Skip("enough open files")
	}
	p := rapid.IntRange(0, processes-1).Draw(t, "process")
	result := c.both(t, operation, func(s *side) string {
		f, err := open(s.processes[p])
		if err == nil {
			s.files = append(s.files, f)
		}
		return word(err)
	})
	if result == "ok" {
		c.owner, c.path, c.raw = append(c.owner, p), append(c.path, name), append(c.raw, raw)
	}
}

func (c *comparison) file(t *rapid.T) int {
	if len(c.owner) == 0 {
		t.Skip("no open file")
	}
	return rapid.IntRange(0, len(c.owner)-1).Draw(t, "file")
}

func (c *comparison) onFile(t *rapid.T, operation string, do func(p process, f lock.File) string) string {
	i := c.file(t)
	return c.onThis(t, i, operation, do)
}

func (c *comparison) onThis(t *rapid.T, i int, operation string, do func(p process, f lock.File) string) string {
	return c.both(t, fmt.Sprintf("%s file %d (%s)", operation, i, c.path[i]), func(s *side) string {
		return do(s.processes[c.owner[i]], s.files[i])
	})
}

func (c *comparison) lock(t *rapid.T) {
	i, exclusive := c.file(t), rapid.Bool().Draw(t, "exclusive")
	if runtime.GOOS == "darwin" && c.converts(i, exclusive) {
		t.Skip("whether a refused conversion loses the lock that it had is known of Linux only")
	}
	c.onThis(t, i, fmt.Sprintf("lock exclusive=%v", exclusive), func(_ process, f lock.File) string { return word(f.TryLock(exclusive)) })
}

func (c *comparison) converts(i int, exclusive bool) bool {
	f := c.sim.files[i].(*file)
	n := &f.process.fs.inodes[f.number]
	at := n.lockOf(f)
	return at >= 0 && n.locks[at].exclusive != exclusive
}

func (c *comparison) lockRange(t *rapid.T) {
	if runtime.GOOS != "windows" {
		t.Skip("locks have no ranges here")
	}
	i := c.file(t)
	if !c.raw[i] {
		t.Skip("lock.OS locks no ranges")
	}
	off, n := rapid.Int64Range(0, 3).Draw(t, "off"), rapid.Int64Range(1, 4).Draw(t, "length")
	exclusive, unlock := rapid.Bool().Draw(t, "exclusive"), rapid.Bool().Draw(t, "unlock")
	c.onThis(t, i, fmt.Sprintf("range %d %d exclusive=%v unlock=%v", off, n, exclusive, unlock), func(_ process, f lock.File) string {
		if unlock {
			return word(f.(rangeLocker).UnlockRange(off, n))
		}
		return word(f.(rangeLocker).TryLockRange(off, n, exclusive))
	})
}

func (c *comparison) read(t *rapid.T) {
	off, n := rapid.Int64Range(0, 12).Draw(t, "off"), rapid.IntRange(1, 12).Draw(t, "length")
	c.onFile(t, fmt.Sprintf("read %d at %d", n, off), func(_ process, f lock.File) string {
		p := make([]byte, n)
		done, err := f.ReadAt(p, off)
		return fmt.Sprintf("%q %s", p[:done], word(err))
	})
}

func (c *comparison) write(t *rapid.T) {
	off, text := rapid.Int64Range(0, 6).Draw(t, "off"), rapid.StringMatching(`[0-9]{1,7}\n`).Draw(t, "text")
	c.onFile(t, fmt.Sprintf("write %q at %d", text, off), func(_ process, f lock.File) string {
		done, err := f.WriteAt([]byte(text), off)
		return fmt.Sprintf("%d %s", done, word(err))
	})
}

func (c *comparison) truncate(t *rapid.T) {
	size := rapid.Int64Range(0, 10).Draw(t, "size")
	i := c.file(t)
	if runtime.GOOS == "windows" && !c.sim.files[i].(*file).write {
		t.Skip("Windows and Wine refuse it in different words")
	}
	c.onThis(t, i, fmt.Sprintf("truncate to %d", size), func(_ process, f lock.File) string { return word(f.Truncate(size)) })
}

func (c *comparison) same(t *rapid.T) {
	i := c.file(t)
	if c.raw[i] {
		t.Skip("lock.OS compares only what it has opened")
	}
	name := rapid.OneOf(rapid.SampledFrom(allNames), rapid.Just(c.path[i])).Draw(t, "name")
	c.onThis(t, i, "same as "+name, func(p process, f lock.File) string {
		same, err := p.Same(f, name)
		return fmt.Sprintf("%v %s", same, word(err))
	})
}

// holds asks what may be asked: which process is it that holds the exclusive
// lock. Only Linux has an answer when there is none.
func (c *comparison) holds(t *rapid.T) {
	i := c.file(t)
	if c.raw[i] {
		t.Skip("lock.OS asks only about what it has opened")
	}
	held := slices.ContainsFunc(c.sim.files[i].(*file).process.fs.inodes[c.sim.files[i].(*file).number].locks, func(l heldLock) bool { return l.exclusive })
	if runtime.GOOS != "linux" && !held {
		t.Skip("nobody holds it")
	}
	pid := rapid.SampledFrom([]int{os.Getpid(), c.dead}).Draw(t, "pid")
	c.onThis(t, i, "holds", func(p process, f lock.File) string { return fmt.Sprint(p.Holds(f, pid)) })
}

func (c *comparison) close(t *rapid.T, i int) {
	c.onThis(t, i, "close", func(_ process, f lock.File) string { return word(f.Close()) })
	c.owner, c.path, c.raw = slices.Delete(c.owner, i, i+1), slices.Delete(c.path, i, i+1), slices.Delete(c.raw, i, i+1)
	c.sim.files, c.real.files = slices.Delete(c.sim.files, i, i+1), slices.Delete(c.real.files, i, i+1)
}

// die ends a process; on the real side its files are closed for it.
func (c *comparison) die(t *rapid.T) {
	p := rapid.IntRange(0, processes-1).Draw(t, "process")
	t.Logf("process %d dies", p)
	dead := c.sim.processes[p].(*Process)
	dead.Die()
	successor := dead.fs.Process(os.Getpid())
	successor.started = dead.started // it is the same process that plays it
	c.sim.processes[p] = successor
	for i := len(c.owner) - 1; i >= 0; i-- {
		if c.owner[i] == p {
			c.real.files[i].Close()
			c.owner, c.path, c.raw = slices.Delete(c.owner, i, i+1), slices.Delete(c.path, i, i+1), slices.Delete(c.raw, i, i+1)
			c.sim.files, c.real.files = slices.Delete(c.sim.files, i, i+1), slices.Delete(c.real.files, i, i+1)
		}
	}
}

func (c *comparison) remove(t *rapid.T) {
	name := rapid.OneOf(rapid.SampledFrom(allNames), rapid.SampledFrom(append(c.path, "pid"))).Draw(t, "name")
	c.both(t, "remove "+name, func(s *side) string { return word(s.processes[0].Remove(name)) })
}

func (c *comparison) rename(t *rapid.T) {
	from, to := c.movable(t, "from"), c.movable(t, "to")
	c.both(t, "rename "+from+" to "+to, func(s *side) string { return word(s.processes[0].Rename(from, to)) })
}

func (c *comparison) link(t *rapid.T) {
	from, to := c.movable(t, "from"), c.movable(t, "to")
	c.both(t, "link "+from+" to "+to, func(s *side) string { return word(s.processes[0].Link(from, to)) })
}

func (c *comparison) movable(t *rapid.T, label string) string {
	name := rapid.SampledFrom(regularNames).Draw(t, label)
	s := c.sim.processes[0].(*Process).fs
	if e, _ := s.lookup(name); e != nil && e.pending {
		t.Skip("Windows and Wine answer differently for a file whose removal is pending")
	}
	return name
}

// look compares what can be seen, after every operation.
func (c *comparison) look(t *rapid.T) {
	simulated, real := c.sim.names(), c.real.names()
	if !slices.Equal(simulated, real) {
		t.Fatalf("the simulation has the names %q, the system %q", simulated, real)
	}
	for _, name := range []string{"pid", rapid.SampledFrom(readable).Draw(t, "look at")} {
		text, ok := c.sim.content(name)
		realText, realOK := c.real.content(name)
		if text != realText || ok != realOK {
			t.Fatalf("content of %s: the simulation has %q, %v, the system %q, %v", name, text, ok, realText, realOK)
		}
	}
}

// word is what an error is compared by: its class, and where that is unknown
// its reason, as far as systems of one kind agree on it.
func word(err error) string {
	var path *fs.PathError
	switch {
	case err == nil:
		return "ok"
	case err == io.EOF:
		return "end"
	case err == lock.ErrRefused:
		return "refused"
	case errors.Is(err, lock.ErrBusy):
		return "busy"
	case errors.Is(err, fs.ErrNotExist):
		return "not exist"
	case errors.Is(err, fs.ErrExist):
		return "exist"
	case errors.Is(err, fs.ErrPermission):
		return "permission"
	case errors.As(err, &path) && (runtime.GOOS == "linux" || strings.Contains(path.Err.Error(), "remove it")):
		return path.Err.Error()
	}
	return "error"
}
