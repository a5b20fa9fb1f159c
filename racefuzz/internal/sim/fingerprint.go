package sim

import (
	"math/bits"
	"slices"
)

// Fingerprint is equal for states with the same future: files, locks, open
// files and processes, as far as any later call can tell them apart. What the
// processes themselves remember is not part of it.
func (s *FS) Fingerprint() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := hash(1)
	for _, e := range s.names {
		h = h.text(e.name).number(e.number).flags(e.pending)
	}
	for i := range s.inodes {
		if s.inodes[i].kind != "" {
			h = s.inodes[i].fingerprint(h.number(i))
		}
	}
	// Processes have no order, and clocks only the one that Holds asks for.
	var sum hash
	for _, p := range s.processes {
		sum += p.fingerprint()
	}
	return uint64(h.number(int(sum)))
}

func (n *inode) fingerprint(h hash) hash {
	h = h.text(string(n.kind)).number(int(n.perm)).number(n.links).text(string(n.content))
	for _, l := range n.locks {
		place := slices.Index(l.file.process.files, l.file)
		h = h.number(l.file.process.pid).number(place).number(int(l.off)).number(int(l.end)).flags(l.exclusive)
	}
	return h
}

func (p *Process) fingerprint() hash {
	h := hash(2).number(p.pid).flags(p.foreign, p.waiting, p.seen == p.fs.changes)
	for _, f := range p.files {
		h = h.number(f.number).flags(f.read, f.write, f.share)
	}
	if p.fs.rules != POSIX {
		for i := range p.fs.inodes {
			if n := &p.fs.inodes[i]; n.kind != "" { // numbers that are free may be left from before Reset
				h = h.flags(p.started <= n.written)
			}
		}
	}
	return h
}

// hash mixes one word at a time, as wyhash does.
type hash uint64

func (h hash) number(n int) hash {
	high, low := bits.Mul64(uint64(h)^0x9e3779b97f4a7c15, uint64(n)^0xe7037ed1a0b428db)
	return hash(high ^ low + 1)
}

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = h.number(int(s[i]))
	}
	return h.number(-len(s) - 1)
}

func (h hash) flags(flags ...bool) hash {
	n := 0
	for _, f := range flags {
		n <<= 1
		if f {
			n |= 1
		}
	}
	return h.number(n)
}
