package content

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	token = regexp.MustCompile(`[A-Za-z0-9_]+`)
	digit = regexp.MustCompile(`^[0-9]+$`)
	hexed = regexp.MustCompile(`^[0-9a-fA-F]{4,}$`)
)

// variesAs returns a pattern for two texts that are equal but for tokens: groups
// of digits, of hex digits, or longer words of the same length, as programs
// draw them. It is nil where they differ in more.
func variesAs(a, b string) *regexp.Regexp {
	between, others := token.Split(a, -1), token.Split(b, -1)
	tokens, theirs := token.FindAllString(a, -1), token.FindAllString(b, -1)
	if strings.Join(between, "\x00") != strings.Join(others, "\x00") {
		return nil
	}
	var p strings.Builder
	for i, text := range between {
		p.WriteString(regexp.QuoteMeta(text))
		if i == len(tokens) {
			break
		}
		pattern := varied(tokens[i], theirs[i])
		if pattern == "" {
			return nil
		}
		p.WriteString(pattern)
	}
	return regexp.MustCompile("^" + p.String() + "$")
}

// varied is the pattern of one token, or "" if it cannot be noise: a number of
// any length, or as many hex digits or, from six characters on, any. What both
// begin with stays, up to the four characters of a prefix such as "tmp".
func varied(a, b string) string {
	if a == b {
		return regexp.QuoteMeta(a)
	}
	prefix := 0
	for prefix < min(len(a), len(b), 4) && a[prefix] == b[prefix] && !digit.MatchString(a[prefix:prefix+1]) {
		prefix++
	}
	x, y := a[prefix:], b[prefix:]
	switch {
	case digit.MatchString(x) && digit.MatchString(y):
		return a[:prefix] + "[0-9]+"
	case len(a) != len(b):
		return ""
	case hexed.MatchString(a) && hexed.MatchString(b):
		return fmt.Sprintf("[0-9a-fA-F]{%d}", len(a))
	case len(a) >= 6:
		return a[:prefix] + fmt.Sprintf("[A-Za-z0-9_]{%d}", len(x))
	}
	return ""
}

var class = regexp.MustCompile(`\[[^]]+\](\+|\{[0-9]+\})`)

// shown is a pattern as people write it: "tmp*".
func shown(pattern *regexp.Regexp) string {
	text := strings.TrimSuffix(strings.TrimPrefix(pattern.String(), "^"), "$")
	return strings.ReplaceAll(class.ReplaceAllString(text, "*"), `\`, "")
}

// Alike reports whether two texts are equal but for what programs draw at
// random or count: see [Learn].
func Alike(a, b string) bool { return a == b || variesAs(a, b) != nil }
