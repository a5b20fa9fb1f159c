package stage

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Kernel returns the tier whose file system is the real one, in new
// directories below parent. Locks belong to open files, so that the actors
// contend as processes do although they share one; their pids are made up.
// Close removes the directories.
func Kernel(parent string) *Tier {
	return &Tier{open: func(race.Case) (world, error) {
		return newDisk(parent)
	}}
}

// disk is the world on the real file system. What the system does not tell,
// such as who of its process holds a lock, it keeps itself.
type disk struct {
	root      *os.Root
	objects   map[string]*object // by name
	processes []*diskProcess
	strangers []int
	changes   uint64 // what could make a refused or busy try succeed
}

// object is a file, which may have lost its name.
type object struct {
	kind  race.Kind
	link  string      // where a link leads
	wrote fingerprint // of all that was ever written to it
}

type diskProcess struct {
	disk    *disk
	pid     int
	files   []*diskFile
	dead    bool
	waiting bool
	seen    uint64 // of the changes, when it was last refused
}

type diskFile struct {
	lock.File
	process   *diskProcess
	object    *object
	exclusive bool
}

// newDisk makes its directory below parent; close removes it.
func newDisk(parent string) (*disk, error) {
	dir, err := os.MkdirTemp(parent, "racefuzz-")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	return &disk{root: root}, err
}

func (d *disk) path(name string) string {
	return filepath.Join(d.root.Name(), filepath.FromSlash(name))
}

func (d *disk) setup(files []race.File) error {
	if err := program.Empty(d.root); err != nil {
		return err
	}
	d.objects, d.processes, d.strangers, d.changes = map[string]*object{}, nil, nil, 0
	for _, f := range files {
		d.objects[f.Name] = &object{f.Kind, f.Content, fingerprint(1).text(f.Content)}
	}
	return program.Furnish(d.root, race.Case{Files: files}, strangerPID, deadPID)
}

func (d *disk) stranger(pid int) { d.strangers = append(d.strangers, pid) }

func (d *disk) process(pid int) process {
	p := &diskProcess{disk: d, pid: pid, seen: d.changes}
	d.processes = append(d.processes, p)
	return p
}

// Content reads what can be read without waiting for anybody.
func (d *disk) Content(name string) (string, bool) {
	if o := d.objects[d.follow(name)]; o == nil || o.kind != race.Regular {
		return "", false
	}
	text, err := os.ReadFile(d.path(name))
	return string(text), err == nil
}

// follow returns the name that a link at name leads to.
func (d *disk) follow(name string) string {
	for range 8 {
		o := d.objects[name]
		if o == nil || o.kind != race.Link {
			break
		}
		name = o.link
	}
	return name
}

func (d *disk) Exists(name string) bool {
	_, err := os.Lstat(d.path(name))
	return err == nil
}

func (d *disk) Names() []string {
	var names []string
	entries, _ := os.ReadDir(d.root.Name())
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Fingerprint tells apart what was written where, which names and open files
// lead there, and who waits. The rest follows from what the actors have done.
func (d *disk) Fingerprint() uint64 {
	h := fingerprint(1)
	var met []*object
	meet := func(o *object) {
		i := slices.Index(met, o)
		if i < 0 {
			i = len(met)
			met = append(met, o)
			h = h.number(uint64(o.wrote))
		}
		h = h.number(uint64(i))
	}
	names := make([]string, 0, len(d.objects))
	for name := range d.objects {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h = h.text(name)
		meet(d.objects[name])
	}
	for _, p := range d.processes {
		h = h.flags(p.dead, p.waiting, p.seen == d.changes)
		for _, f := range p.files {
			meet(f.object)
			h = h.flags(f.exclusive)
		}
	}
	return uint64(h)
}

func (d *disk) relative(message string) string {
	return strings.ReplaceAll(message, d.root.Name()+string(filepath.Separator), "")
}

func (d *disk) close() error { return errors.Join(d.root.Close(), os.RemoveAll(d.root.Name())) }

// changed notes something that could make another's try succeed.
func (p *diskProcess) changed() {
	p.disk.changes++
	p.seen++
}

// refused notes what p has met when err is of a kind that passes.
func (p *diskProcess) refused(err error) error {
	p.waiting = false
	if errors.Is(err, lock.ErrRefused) || errors.Is(err, lock.ErrBusy) {
		p.seen = p.disk.changes
	}
	return err
}

func (p *diskProcess) Open(name string, mode lock.Mode) (lock.File, error) {
	f, err := lock.OS{}.Open(p.disk.path(name), mode)
	return p.opened(f, name, err)
}

func (p *diskProcess) OpenFile(name string, flag int) (lock.File, error) {
	name = p.disk.follow(name)
	if o := p.disk.objects[name]; o != nil && o.kind == race.FIFO && flag&os.O_RDWR == 0 {
		return nil, errBlocks
	}
	f, err := mutant.OS{}.OpenFile(p.disk.path(name), flag)
	return p.opened(f, name, err)
}

func (p *diskProcess) opened(f lock.File, name string, err error) (lock.File, error) {
	if p.refused(err) != nil {
		return nil, err
	}
	o := p.disk.objects[name]
	if o == nil {
		o = &object{kind: race.Regular, wrote: fingerprint(1).text("")}
		p.disk.objects[name] = o
		p.changed()
	}
	file := &diskFile{File: f, process: p, object: o}
	p.files = append(p.files, file)
	return file, nil
}

func (p *diskProcess) Same(f lock.File, name string) (bool, error) {
	p.waiting = false
	return mutant.OS{}.Same(f.(*diskFile).File, p.disk.path(name))
}

func (p *diskProcess) Remove(name string) error {
	err := lock.OS{}.Remove(p.disk.path(name))
	if p.refused(err) == nil {
		delete(p.disk.objects, name)
		p.changed()
	}
	return err
}

func (p *diskProcess) PID() int { return p.pid }

// Holds looks up what the system knows of processes but not of actors.
func (p *diskProcess) Holds(f lock.File, pid int) bool {
	p.waiting = false
	for _, q := range p.disk.processes {
		holds := slices.ContainsFunc(q.files, func(g *diskFile) bool {
			return g.exclusive && g.object == f.(*diskFile).object
		})
		if q.pid == pid && holds {
			return true
		}
	}
	return false
}

// tries is the number of times that an actor waits before it gives up.
const tries = 2

func (p *diskProcess) Pause(n int) bool {
	p.waiting = n < tries
	return p.waiting
}

func (p *diskProcess) Parked() bool { return p.waiting && !p.dead && p.seen == p.disk.changes }

func (p *diskProcess) Signal(pid int) error {
	p.waiting = false
	if slices.Contains(p.disk.strangers, pid) {
		return os.ErrPermission
	}
	alive := slices.ContainsFunc(p.disk.processes, func(q *diskProcess) bool { return q.pid == pid && !q.dead })
	if alive {
		return nil
	}
	return os.ErrProcessDone
}

// Die closes what p has open, as the system does, and unlocks nothing.
func (p *diskProcess) Die() {
	for _, f := range p.files {
		f.File.Close()
	}
	p.files, p.dead = nil, true
	p.changed()
}

func (f *diskFile) TryLock(exclusive bool) error {
	err := f.process.refused(f.File.TryLock(exclusive))
	f.exclusive = err == nil && exclusive
	return err
}

func (f *diskFile) Unlock() error {
	f.exclusive = false
	f.process.waiting = false
	f.process.changed()
	return f.File.Unlock()
}

// TryLockRange implements [mutant.RangeLocker] where the system does.
func (f *diskFile) TryLockRange(off, n int64, exclusive bool) error {
	r, ok := f.File.(mutant.RangeLocker)
	if !ok {
		return errors.ErrUnsupported
	}
	err := f.process.refused(r.TryLockRange(off, n, exclusive))
	f.exclusive = err == nil && exclusive
	return err
}

func (f *diskFile) UnlockRange(off, n int64) error {
	f.exclusive = false
	f.process.waiting = false
	f.process.changed()
	return f.File.(mutant.RangeLocker).UnlockRange(off, n)
}

func (f *diskFile) ReadAt(p []byte, off int64) (int, error) {
	f.process.waiting = false
	return f.File.ReadAt(p, off)
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	f.process.waiting = false
	f.process.changed()
	f.object.wrote = f.object.wrote.text("write " + strconv.FormatInt(off, 10)).text(string(p))
	return f.File.WriteAt(p, off)
}

func (f *diskFile) Truncate(size int64) error {
	f.process.waiting = false
	f.process.changed()
	f.object.wrote = f.object.wrote.text("truncate " + strconv.FormatInt(size, 10))
	return f.File.Truncate(size)
}

func (f *diskFile) Close() error {
	p := f.process
	p.waiting = false
	p.changed()
	f.exclusive = false
	p.files = slices.DeleteFunc(p.files, func(g *diskFile) bool { return g == f })
	return f.File.Close()
}
