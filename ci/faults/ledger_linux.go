//go:build amd64 || arm64

package main

import (
	"fmt"
	"slices"
	"strings"
)

// ledger knows which memories must be there. Each text is "note" and a word
// that no other text has.
type ledger struct {
	kept      []string // acknowledged
	unsure    []string // asked to be added or deleted, without an answer
	allOrNone bool     // an uninstall has begun
}

func word(text string) string { return strings.TrimPrefix(text, "note ") }

// asks says that the fate of text is open.
func (l *ledger) asks(text string) {
	l.kept = slices.DeleteFunc(l.kept, func(t string) bool { return t == text })
	l.unsure = append(l.unsure, text)
}

// added and deleted say how it was decided.
func (l *ledger) added(text string) {
	l.deleted(text)
	l.kept = append(l.kept, text)
}

func (l *ledger) deleted(text string) {
	l.unsure = slices.DeleteFunc(l.unsure, func(t string) bool { return t == text })
}

// all are the texts that may be there.
func (l *ledger) all() []string { return slices.Concat(l.kept, l.unsure) }

// check compares with the texts that are there.
func (l *ledger) check(texts []string) error {
	if l.allOrNone && len(texts) == 0 {
		return nil
	}
	for _, text := range l.kept {
		if !slices.Contains(texts, text) {
			return fmt.Errorf("%q was acknowledged and is lost", text)
		}
	}
	for i, text := range texts {
		if !slices.Contains(l.all(), text) {
			return fmt.Errorf("%q is there, which is none of %q", text, l.all())
		}
		if slices.Contains(texts[:i], text) {
			return fmt.Errorf("%q is there twice", text)
		}
	}
	return nil
}
