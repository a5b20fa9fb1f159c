package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// stepText returns an event without its actor on one line.
func stepText(e race.Event) string {
	text := brief(e)
	if e.Detail != "" {
		text = e.Op + " " + e.Detail + strings.TrimPrefix(text, e.Op)
	}
	return text
}

// brief is stepText without the operands.
func brief(e race.Event) string {
	if e.Result == "" {
		return e.Op
	}
	return e.Op + ": " + e.Result
}

// stepLines returns an event without its actor, behind a prefix, in lines of
// at most width characters. Where one line is not enough, the result comes
// first and the operands follow in at most three lines, for the result tells
// the story.
func stepLines(e race.Event, prefix string, width int) []string {
	if text := prefix + stepText(e); len(text) <= width {
		return []string{text}
	}
	lines := wrap(prefix+brief(e), width)
	below := wrap(e.Detail, width-len("  "))
	if len(below) > 3 {
		below = append(below[:2], short(strings.Join(below[2:], " "), width-len("  ")))
	}
	for _, line := range below {
		lines = append(lines, "  "+line)
	}
	return lines
}

// wrap breaks text at blanks, and flags at their bars, into lines of at most
// width characters. A word that is longer than that is shortened.
func wrap(text string, width int) []string {
	var lines []string
	for _, word := range words(text, width) {
		word = short(word, width)
		if n := len(lines) - 1; n >= 0 && len(lines[n])+len(" ")+len(word) <= width {
			lines[n] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// words are those of a text, with flags that are longer than width in pieces.
func words(text string, width int) (words []string) {
	for word := range strings.FieldsSeq(text) {
		if flags := strings.Split(word, "|"); len(word) > width && len(flags) > 1 {
			words = append(words, pieces(flags, width)...)
		} else {
			words = append(words, word)
		}
	}
	return words
}

// telling are the flags that decide what an open does to a file that is there.
// Where not all have room they come first.
var telling = []string{"O_TRUNC", "O_EXCL", "O_CREAT"}

// pieces joins flags into words of at most width characters.
func pieces(flags []string, width int) []string {
	rank := func(flag string) int {
		if i := slices.Index(telling, flag); i >= 0 {
			return i
		}
		return len(telling)
	}
	slices.SortStableFunc(flags, func(a, b string) int { return rank(a) - rank(b) })
	words := []string{flags[0]}
	for _, flag := range flags[1:] {
		last := &words[len(words)-1]
		*last += "|"
		if len(*last)+len(flag)+len("|") <= width {
			*last += flag
		} else {
			words = append(words, flag)
		}
	}
	return words
}

// short returns text in at most width characters. Of a path it keeps the
// end, of anything else the beginning.
func short(text string, width int) string {
	if len(text) <= width {
		return text
	}
	keep := max(0, width-len("..."))
	if !strings.Contains(text, "/") {
		return text[:keep] + "..."[:width-keep]
	}
	end := text[len(text)-keep:]
	if slash := strings.Index(end, "/"); slash > 0 {
		end = end[slash:]
	}
	return "..."[:width-keep] + end
}

// clock returns the time of an event in seconds.
func clock(e race.Event) string {
	return fmt.Sprintf("%.3fs", e.Time.Seconds())
}

func later(a, b race.Event) int { return cmp.Compare(a.Time, b.Time) }
