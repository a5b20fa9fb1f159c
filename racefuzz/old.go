package main

import (
	"fmt"
	"slices"
	"strings"
)

// modern rewrites a command line in which what is a mode now was a flag:
// -tier, -bench, -list and -replay.
func modern(args []string) ([]string, error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") {
		return args, nil
	}
	l := oldLine{flags: args}
	if i := slices.Index(args, "--"); i >= 0 {
		l.flags, l.command = args[:i], args[i:]
	}
	switch {
	case l.takes("list"):
		return l.as(listMode), nil
	case l.takes("bench"):
		bug, _ := l.value("target")
		return l.as(examMode, bug...), nil
	}
	if file, ok := l.value("replay"); ok {
		for _, name := range []string{"save", "seed", "n"} { // which did nothing
			l.value(name)
		}
		return l.as(replayMode, file...), nil
	}
	tier, _ := l.value("tier")
	switch strings.Join(tier, "") {
	case "":
		return args, nil
	case "model":
		return l.as(protocolMode), nil
	case "kernel":
		return l.as(protocolMode, "-kernel"), nil
	case "syscall":
		return l.as(daemonMode), nil
	case "process":
		if l.command == nil {
			return l.flags, nil
		}
		return l.as(daemonMode, "-random"), nil
	}
	return nil, fmt.Errorf("no tier %q: process, model, kernel or syscall", tier[0])
}

// oldLine is a command line of flags, and of a command with the "--" before it.
type oldLine struct{ flags, command []string }

func (l oldLine) as(mode string, words ...string) []string {
	return slices.Concat([]string{mode}, words, l.flags, l.command)
}

// takes removes a flag without a value.
func (l *oldLine) takes(name string) bool {
	before := len(l.flags)
	l.flags = slices.DeleteFunc(slices.Clone(l.flags), func(w string) bool { return w == "-"+name || w == "--"+name })
	return len(l.flags) < before
}

// value removes a flag and returns its value, as one word or none.
func (l *oldLine) value(name string) ([]string, bool) {
	for i, w := range l.flags {
		flag, value, joined := strings.Cut(strings.TrimPrefix(w, "-"), "=")
		if strings.TrimPrefix(flag, "-") != name || !strings.HasPrefix(w, "-") {
			continue
		}
		end := i + 1
		if !joined {
			if end == len(l.flags) {
				return nil, false
			}
			value, end = l.flags[end], end+1
		}
		l.flags = slices.Concat(l.flags[:i], l.flags[end:])
		return []string{value}, true
	}
	return nil, false
}
