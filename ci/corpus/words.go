package corpus

import (
	"fmt"
	"strings"
)

// Rate says how often the witness was replayed with what success.
func (o Outcome) Rate() string {
	if o.Replays == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", o.Replayed, o.Replays)
}

// Invariant is the one that is broken, or "".
func (o Outcome) Invariant() string {
	if o.Exit != 1 {
		return ""
	}
	name, _, _ := strings.Cut(o.Verdict, ":")
	return name
}

// Emptied is the finding that most daemons have.
const Emptied = "I2: empties a stale file before it writes"

// Kind is that of the verdict.
func (o Outcome) Kind() string {
	for _, kind := range []struct{ reason, what string }{
		{"removes the pid file of", "loses the holder's pid: another removes its file"},
		{"puts another file in the place", "loses the holder's pid: another replaces its file"},
		{"holds nothing: it is gone", "loses the holder's pid: it serves without a file"},
		{"its pid file holds nothing", "loses the holder's pid: another empties its file"},
		{"its pid file holds", "the file holds another pid than the holder's"},
		{"empties the pid file before", strings.TrimPrefix(Emptied, "I2: ")},
		{"has not replaced the old one whole", "an old pid is not replaced whole"},
		{"both run as the server", "two run"},
		{"although nobody runs", "a start is refused although nobody runs"},
		{"remains", "leaves a file behind"},
		{"lives on", "does not stop when it is asked to"},
	} {
		switch {
		case !strings.Contains(o.Verdict, kind.reason):
		case o.Exit == 1:
			return o.Invariant() + ": " + kind.what
		case o.Exit == 3:
			return kind.what + "; not reproducible"
		}
	}
	switch {
	case o.Exit == 0 && strings.HasPrefix(o.Verdict, "no race; complete: "):
		return "clean, complete"
	case o.Exit == 0:
		return "clean so far"
	case o.Exit == 3:
		return "not reproducible"
	}
	return o.Verdict
}

// CommandLine quotes what a shell would take apart.
func CommandLine(args []string) string {
	var out []string
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t'\"\\$&|;<>()*?[]#~`!{}") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}

// Wrap breaks text into lines of at most 120 bytes.
func Wrap(text string) string {
	var b strings.Builder
	length := 0
	for _, word := range strings.Fields(text) {
		switch {
		case length == 0:
		case length+1+len(word) > 120:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String()
}
