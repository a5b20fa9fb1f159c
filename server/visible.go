package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible writes text for people, a line or its beginning in each call. What
// could make a terminal do something, or show a line as another one, is written
// as in a string of JSON: names and messages come from other programs' files.
type visible struct{ io.Writer }

func (v visible) Write(text []byte) (int, error) {
	line, end := strings.CutSuffix(string(text), "\n")
	var shown []byte
	for _, r := range line {
		if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			shown = fmt.Appendf(shown, `\u%04x`, r)
		} else {
			shown = utf8.AppendRune(shown, r)
		}
	}
	if end {
		shown = append(shown, '\n')
	}
	_, err := v.Writer.Write(shown)
	return len(text), err
}
