package trace

import (
	"cmp"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// mostFrames is how many frames of a stack are told, and deepest how many are
// looked at.
const (
	mostFrames = 12
	deepest    = 64
)

// unwound are the registers of a task from which its stack is found.
type unwound struct {
	pc, frame uint64 // where it is, and where its frame pointer leads
	back      uint64 // where the function goes back to if it has no frame of its own
}

// stack is what a task that is stopped at a call is in the middle of, a function a
// line, the innermost first, without what belongs to Go's runtime or only hands
// the call on, unless there is nothing else. It is followed by frame pointers, which Go has and C may have, as
// long as they lead from call to call. See [race.Event].
func (t *tracer) stack(tid int) string {
	u, err := registers(tid)
	if err != nil {
		return race.NoSymbols
	}
	code := mappedCode(tid)
	here := t.frameAt(tid, code, u.pc)
	found := []frame{here}
	if f := t.frameAt(tid, code, u.back-1); f.name != here.name && code.called(tid, u.back) {
		found = append(found, f)
	}
	for at := u.frame; len(found) < deepest; {
		var words [16]byte // the caller's frame pointer, and where it goes on
		if n, err := peek(tid, uintptr(at), words[:]); err != nil || n < len(words) {
			break
		}
		next, back := binary.NativeEndian.Uint64(words[:8]), binary.NativeEndian.Uint64(words[8:])
		if !code.called(tid, back) {
			break
		}
		found = append(found, t.frameAt(tid, code, back-1))
		if next <= at { // a caller's frame is above
			break
		}
		at = next
	}
	found = slices.DeleteFunc(found, func(f frame) bool { return f.name == "" })
	if own := slices.DeleteFunc(slices.Clone(found), frame.handsOn); len(own) > 0 {
		found = own
	}
	var frames []string
	for _, f := range found[:min(len(found), mostFrames)] {
		frames = append(frames, f.name+"  "+f.place)
	}
	return cmp.Or(strings.Join(frames, "\n"), race.NoSymbols)
}

// frame is a function that is not at its end.
type frame struct {
	name  string // "" where it has none
	place string // a line of a source, or the file that it is in
}

// handsOn reports whether the function is one of Go's that are in every stack.
func (f frame) handsOn() bool {
	return slices.ContainsFunc([]string{"runtime.", "syscall.", "internal/"}, func(prefix string) bool { return strings.HasPrefix(f.name, prefix) })
}

// codeAreas are where a process has code.
type codeAreas []codeArea

type codeArea struct {
	start, end, offset uint64
	file               string
}

func mappedCode(tid int) (areas codeAreas) {
	for line := range strings.Lines(string(slurp("/proc/" + strconv.Itoa(tid) + "/maps"))) {
		fields := strings.Fields(line)
		if len(fields) < 6 || !strings.Contains(fields[1], "x") || !filepath.IsAbs(fields[5]) {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		start, _ := strconv.ParseUint(from, 16, 64)
		end, _ := strconv.ParseUint(to, 16, 64)
		offset, _ := strconv.ParseUint(fields[2], 16, 64)
		areas = append(areas, codeArea{start, end, offset, strings.Join(fields[5:], " ")})
	}
	return areas
}

func (c codeAreas) at(addr uint64) (codeArea, bool) {
	i := slices.IndexFunc(c, func(a codeArea) bool { return a.start <= addr && addr < a.end })
	if i < 0 {
		return codeArea{}, false
	}
	return c[i], true
}

// called reports whether what stands before an address is a call.
func (c codeAreas) called(tid int, addr uint64) bool {
	var before [longestCall]byte
	if _, isCode := c.at(addr - 1); !isCode {
		return false
	}
	n, err := peek(tid, uintptr(addr)-longestCall, before[:])
	return err == nil && n == longestCall && endsInCall(before[:])
}

// frameAt is the function at an address.
func (t *tracer) frameAt(tid int, code codeAreas, addr uint64) frame {
	area, isCode := code.at(addr)
	if !isCode {
		return frame{}
	}
	if t.symbols == nil {
		t.symbols = map[string]*symbols{}
	}
	s, known := t.symbols[area.file]
	if !known {
		s = readSymbols("/proc/" + strconv.Itoa(tid) + "/root" + area.file)
		t.symbols[area.file] = s
	}
	f := s.frame(addr - area.start + area.offset)
	if f.place == "" {
		f.place = area.file
	}
	return f
}
