package judge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// shows says how far a file's content is what it should be while somebody
// serves.
type shows int

const (
	other shows = iota
	whole
	remains  // what it should be, and the rest of something longer
	replaced // it is gone, or in another one's place
)

// shows compares what a reader finds with what the file promises of an actor.
func (j *Judge) shows(f File, i int) shows {
	if !f.Readable {
		return other
	}
	if j.promise.Content == Somewhere {
		numbers := strings.FieldsFunc(f.Content, func(r rune) bool { return r < '0' || r > '9' })
		if slices.Contains(numbers, strconv.Itoa(j.lives[i].pid)) {
			return whole
		}
		return other
	}
	head, tail, _ := strings.Cut(j.promise.Content, "{pid}")
	rest, ok := strings.CutPrefix(f.Content, head)
	if ok {
		rest, ok = j.cutPID(rest, &j.lives[i])
	}
	switch {
	case !ok || !strings.HasPrefix(rest, tail):
		return other
	case rest != tail:
		return remains
	}
	return whole
}

// cutPID returns what follows the pid of an actor, or of any of its processes.
func (j *Judge) cutPID(text string, l *life) (rest string, ok bool) {
	if j.promise.Masked {
		var lane string
		if lane, ok = strings.CutPrefix(text, "{"+l.name); ok {
			lane, rest, ok = strings.Cut(lane, "}")
		}
		return rest, ok && !strings.HasSuffix(lane, " gone")
	}
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	pid, err := strconv.Atoi(text[:n])
	return text[n:], err == nil && pid == l.pid
}

// line returns the pid in the first line of a file, or 0.
func line(content string) int {
	text, _, complete := strings.Cut(content, "\n")
	if pid, err := strconv.Atoi(text); err == nil && complete && strconv.Itoa(pid) == text {
		return pid
	}
	return 0
}

// String is what a reader finds, for people.
func (f File) String() string {
	switch {
	case f.Readable:
		return strconv.Quote(f.Content)
	case f.Object != 0:
		return "nothing it can read"
	}
	return "no file"
}

// found is the same of a program's file.
func (f File) found() string {
	switch {
	case f.Object == 0:
		return "nothing: it is gone"
	case f.Content == "":
		return "nothing: it is empty"
	}
	return fmt.Sprintf("%q", f.Content)
}
