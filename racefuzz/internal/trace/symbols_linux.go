package trace

import (
	"cmp"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// symbols are the names that a program or a library has of its functions.
type symbols struct {
	loads []elf.ProgHeader
	lines *gosym.Table // of a program in Go, or nil
	named []elf.Symbol // functions, by their addresses
}

// readSymbols reads them as far as there are some.
func readSymbols(path string) *symbols {
	s := &symbols{}
	f, err := elf.Open(path)
	if err != nil {
		return s
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			s.loads = append(s.loads, p.ProgHeader)
		}
	}
	own, _ := f.Symbols()
	others, _ := f.DynamicSymbols()
	for _, symbol := range append(own, others...) {
		if elf.ST_TYPE(symbol.Info) == elf.STT_FUNC && symbol.Value != 0 {
			s.named = append(s.named, symbol)
		}
	}
	slices.SortStableFunc(s.named, func(a, b elf.Symbol) int { // of several names the plain one first
		return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(strings.Count(a.Name, "_"), strings.Count(b.Name, "_")))
	})
	s.readLines(f)
	return s
}

// readLines reads the table that every program in Go has, stripped or not. Its
// addresses count from the start of Go's code, which is behind that of C where
// there is any.
func (s *symbols) readLines(f *elf.File) {
	section, text := f.Section(".gopclntab"), f.Section(".text")
	if section == nil || text == nil {
		return
	}
	data, err := section.Data()
	if err != nil {
		return
	}
	start := text.Addr
	const startAt = 24 // behind magic, sizes, and the numbers of functions and files; 0 where the linker leaves it out
	if len(data) > startAt+8 {
		start = cmp.Or(binary.NativeEndian.Uint64(data[startAt:]), start)
	}
	if i := slices.IndexFunc(s.named, func(symbol elf.Symbol) bool { return symbol.Name == "runtime.text" }); i >= 0 {
		start = s.named[i].Value
	}
	s.lines, _ = gosym.NewTable(nil, gosym.NewLineTable(data, start))
}

// frame is the function at a place in the file.
func (s *symbols) frame(offset uint64) frame {
	i := slices.IndexFunc(s.loads, func(p elf.ProgHeader) bool { return p.Off <= offset && offset < p.Off+p.Filesz })
	if i < 0 {
		return frame{}
	}
	addr := offset - s.loads[i].Off + s.loads[i].Vaddr
	if s.lines != nil {
		if file, line, fn := s.lines.PCToLine(addr); fn != nil {
			return frame{fn.Name, fmt.Sprintf("%s:%d", file, line)}
		}
	}
	after, _ := slices.BinarySearchFunc(s.named, addr, func(symbol elf.Symbol, addr uint64) int {
		if symbol.Value <= addr {
			return -1
		}
		return 1
	})
	for i := after - 1; i >= 0 && s.named[i].Value == s.named[after-1].Value; i-- {
		if symbol := s.named[i]; addr < symbol.Value+symbol.Size {
			after = i
		}
	}
	if after < len(s.named) && s.named[after].Value <= addr {
		return frame{name: s.named[after].Name}
	}
	return frame{}
}
