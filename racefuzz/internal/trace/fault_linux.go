package trace

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/syscalls"
)

// faultsOf returns what steps may be made to fail with, by system call, for
// errors given by name or "all".
func faultsOf(names string) (map[string][]race.Fault, error) {
	wanted := map[unix.Errno]bool{}
	for name := range strings.FieldsSeq(names) {
		if errno := errnoOf(name); errno != 0 {
			wanted[errno] = true
		} else if name != "all" {
			return nil, fmt.Errorf("no error %q", name)
		}
	}
	faults := map[string][]race.Fault{}
	for _, f := range syscalls.Failures {
		if len(names) == 0 || len(wanted) > 0 && !wanted[f.Errno] {
			continue
		}
		for _, c := range syscalls.All() {
			if c.Fails&f.Of != 0 {
				faults[c.Name] = append(faults[c.Name], race.Fault(failing+f.Name))
			}
		}
	}
	return faults, nil
}

func errnoOf(name string) unix.Errno {
	for errno := unix.Errno(1); errno < 200; errno++ {
		if unix.ErrnoName(errno) == name || name == "EOPNOTSUPP" && errno == unix.ENOTSUP {
			return errno
		}
	}
	return 0
}

// injected is a system call that fails in every process, from its first time on at every
// step-th, or with no step once.
type injected struct {
	call  string
	errno unix.Errno
	first int
	step  int
}

// parseInject reads strace's words: "flock,openat:error=ENOLCK:when=2+1".
func parseInject(text string) ([]injected, error) {
	if text == "" {
		return nil, nil
	}
	words := strings.Split(text, ":")
	in := injected{first: 1, step: 1}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "error":
			if in.errno = errnoOf(value); in.errno == 0 {
				err = fmt.Errorf("no error %q", value)
			}
		case "when":
			in.first, in.step, err = parseWhen(value)
		default:
			err = fmt.Errorf("unknown word %q", key)
		}
		if err != nil {
			return nil, fmt.Errorf("inject %q: %w", text, err)
		}
	}
	if in.errno == 0 {
		return nil, fmt.Errorf("inject %q: which error? such as %s:error=EIO", text, words[0])
	}
	var out []injected
	for call := range strings.SplitSeq(words[0], ",") {
		if !traced(call) {
			return nil, fmt.Errorf("inject %q: %q is no system call that is traced", text, call)
		}
		in.call = call
		out = append(out, in)
	}
	return out, nil
}

// parseWhen reads "2" (the second), "2+" (from the second on) or "2+3" (every
// third from the second on).
func parseWhen(text string) (first, step int, err error) {
	head, tail, more := strings.Cut(text, "+")
	if first, err = strconv.Atoi(head); err != nil || first < 1 {
		return 0, 0, fmt.Errorf("when=%s is not a count", text)
	}
	switch {
	case !more:
		return first, 0, nil
	case tail == "":
		return first, 1, nil
	}
	if step, err = strconv.Atoi(tail); err != nil || step < 1 {
		return 0, 0, fmt.Errorf("when=%s is not a count", text)
	}
	return first, step, nil
}

func traced(call string) bool {
	c, known := syscalls.Named(call)
	return known && c.Ignored == ""
}

// injectedInto counts a call of the process and returns the error it is to
// fail with, or 0.
func (t *tracer) injectedInto(p *process, call string) unix.Errno {
	for _, in := range t.injected {
		if in.call != call {
			continue
		}
		if p.calls == nil {
			p.calls = map[string]int{}
		}
		p.calls[call]++
		n := p.calls[call] - in.first
		if n == 0 || n > 0 && in.step > 0 && n%in.step == 0 {
			return in.errno
		}
	}
	return 0
}
