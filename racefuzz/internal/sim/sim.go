// Package sim is a file system in memory on which pid files are tried out: a
// [lock.System] for any number of processes, under the rules of POSIX systems
// or of Windows.
//
// Time does not pass here. What a process waits for is another process's
// move, and a [Process] that is waiting says so with [Process.Parked].
package sim

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Rules says whose file system is played.
type Rules int

const (
	// POSIX is Linux on a local disk: names go at once, the inode number of
	// a file that is gone is given to the next one, locks are those of flock(2).
	POSIX Rules = iota
	// Windows is Windows 10 and later on NTFS: names go at once, but only
	// where all who have the file open share its deletion, and locks keep
	// others from the locked bytes.
	Windows
	// WindowsLegacy is Windows on other file systems: the name of a removed
	// file stays until the last handle is closed, and nobody can open it.
	WindowsLegacy
	// Wine is as WindowsLegacy, but others can still open a removed file,
	// and locks do not keep them from reading and writing.
	Wine
)

var ruleNames = []string{POSIX: "posix", Windows: "windows", WindowsLegacy: "windows-legacy", Wine: "wine"}

// ParseRules is the inverse of [Rules.String].
func ParseRules(name string) (Rules, bool) {
	i := slices.Index(ruleNames, name)
	return Rules(max(i, 0)), i >= 0
}

// String returns "posix", "windows", "windows-legacy" or "wine".
func (r Rules) String() string { return ruleNames[r] }

// FS is one directory, its files, and the processes that use it. It may be
// used from several goroutines.
type FS struct {
	rules Rules

	mu        sync.Mutex
	names     []entry // in order
	inodes    []inode // by number; those that are gone have no kind
	processes []*Process
	changes   uint64 // what could make a refused or busy try succeed
	clock     uint64 // starts of processes and writes
}

// entry is a name. It is pending once it was removed, where names stay until
// the last handle is closed.
type entry struct {
	name    string
	number  int
	pending bool
}

type inode struct {
	kind    race.Kind
	perm    uint32
	content []byte // of a link: where it leads
	links   int
	opens   int
	keepers int    // of the opens, those that do not share deletion
	written uint64 // by the clock
	locks   []heldLock
}

// New returns an empty file system.
func New(rules Rules) *FS { return &FS{rules: rules} }

// Reset removes all files and ends all processes.
func (s *FS) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.processes {
		p.dead = true
	}
	s.processes = s.processes[:0]
	s.names = s.names[:0]
	for i := range s.inodes {
		s.inodes[i].vacate()
	}
	s.changes, s.clock = 0, 0
}

// Setup creates files as they are: it replaces nothing in their content. A
// name must be new, and the directory that it is in must come first.
func (s *FS) Setup(files []race.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range files {
		if _, found := s.find(f.Name); found {
			return fmt.Errorf("%s: appears twice", f.Name)
		}
		if err := s.checkParent(f.Name, false); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		perm := f.Perm
		if perm == 0 {
			perm = 0o700 // only its owner's bits count
		}
		number := s.create(f.Name, f.Kind, perm)
		s.inodes[number].content = append(s.inodes[number].content, f.Content...)
	}
	return nil
}

// Process starts a process and returns its view of the file system. Several
// may have the same id, as in different containers, and a process may get the
// id of one that died.
func (s *FS) Process(pid int) *Process { return s.start(pid, false) }

// Stranger starts a process that belongs to another user and does nothing.
func (s *FS) Stranger(pid int) { s.start(pid, true) }

func (s *FS) start(pid int, foreign bool) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	p := &Process{fs: s, pid: pid, foreign: foreign, started: s.clock, seen: s.changes}
	s.processes = append(s.processes, p)
	return p
}

// Content returns what a plain reader of name finds, following links. It is
// false where there is no file or where it cannot be read, for instance
// because a lock lies on its content.
func (s *FS) Content(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, e, err := s.follow(name)
	if err != nil || e == nil || e.pending && s.rules == WindowsLegacy {
		return "", false
	}
	n := &s.inodes[e.number]
	if n.kind != race.Regular || !s.rules.readable(n.perm) || s.rules.mandatory() && n.barred(nil, 0, max(int64(len(n.content)), 1), false) {
		return "", false
	}
	return string(n.content), true
}

// Holder returns the ids of those who hold a lock on the file that name leads
// to, in ascending order, and whether they share it.
func (s *FS) Holder(name string) (pids []int, shared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, e, err := s.follow(name)
	if err != nil || e == nil {
		return nil, false
	}
	for i, l := range s.inodes[e.number].locks {
		pids = append(pids, l.file.process.pid)
		shared = (shared || i == 0) && !l.exclusive
	}
	slices.Sort(pids)
	return slices.Compact(pids), shared
}

// Names returns all names in order, those of directories too.
func (s *FS) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.names))
	for i, e := range s.names {
		names[i] = e.name
	}
	return names
}

// find returns where name stands, or would stand, among the names.
func (s *FS) find(name string) (int, bool) {
	for i := range s.names {
		if s.names[i].name >= name {
			return i, s.names[i].name == name
		}
	}
	return len(s.names), false
}

// lookup returns the entry of name, nil where there is none.
func (s *FS) lookup(name string) (*entry, error) {
	if i, found := s.find(name); found {
		return &s.names[i], nil
	}
	return nil, s.checkParent(name, false)
}

// follow is lookup through links. It returns the last name as well, which is
// the one that can be created.
func (s *FS) follow(name string) (string, *entry, error) {
	for range 40 {
		e, err := s.lookup(name)
		if err != nil || e == nil || s.inodes[e.number].kind != race.Link {
			return name, e, err
		}
		target := string(s.inodes[e.number].content)
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			target = name[:i+1] + target
		}
		name = target
	}
	return name, nil, errLoop
}

// checkParent says why name cannot be in its directory, or, to change, why
// that must not be changed. The directory that holds everything is never in
// the way.
func (s *FS) checkParent(name string, change bool) error {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return nil
	}
	_, parent, err := s.follow(name[:i])
	switch {
	case err != nil:
		return err
	case parent == nil, s.inodes[parent.number].kind != race.Dir && s.rules != POSIX:
		return fs.ErrNotExist
	case s.inodes[parent.number].kind != race.Dir:
		return errNotDir
	case change && s.rules == POSIX && s.inodes[parent.number].perm&0o200 == 0:
		return fs.ErrPermission
	}
	return nil
}

// create makes a file and gives it the lowest number that is free.
func (s *FS) create(name string, kind race.Kind, perm uint32) int {
	number := slices.IndexFunc(s.inodes, func(n inode) bool { return n.kind == "" })
	if number < 0 {
		number = len(s.inodes)
		s.inodes = append(s.inodes, inode{})
	}
	s.clock++
	n := &s.inodes[number]
	n.kind, n.perm, n.written = kind, perm, s.clock
	s.link(name, number)
	return number
}

func (s *FS) link(name string, number int) {
	i, _ := s.find(name)
	s.names = slices.Insert(s.names, i, entry{name: name, number: number})
	s.inodes[number].links++
}

func (s *FS) unlink(name string) {
	i, _ := s.find(name)
	number := s.names[i].number
	s.names = slices.Delete(s.names, i, i+1)
	s.inodes[number].links--
	s.settle(number)
}

// settle does what waits for the last close.
func (s *FS) settle(number int) {
	n := &s.inodes[number]
	if n.opens > 0 {
		return
	}
	if i := slices.IndexFunc(s.names, func(e entry) bool { return e.number == number && e.pending }); i >= 0 {
		s.unlink(s.names[i].name) // comes back here
		return
	}
	if n.links == 0 {
		n.vacate()
	}
}

// vacate gives the number free and keeps the memory.
func (n *inode) vacate() { *n = inode{content: n.content[:0], locks: n.locks[:0]} }

// mandatory reports whether locks keep others from reading and writing.
func (r Rules) mandatory() bool { return r == Windows || r == WindowsLegacy }

// pends reports whether the names of removed files stay while they are open.
func (r Rules) pends() bool { return r == WindowsLegacy || r == Wine }

// readable and writable speak of an owner that is not the superuser. Windows
// has only an attribute against writing.
func (r Rules) readable(perm uint32) bool { return r != POSIX || perm&0o400 != 0 }
func (r Rules) writable(perm uint32) bool { return perm&0o200 != 0 }
