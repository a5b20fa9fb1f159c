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
	if j.promise.Masked {
		rest, ok := strings.CutPrefix(j.masked(f.Content, &j.lives[i]), j.promise.Content)
		switch {
		case !ok:
			return other
		case rest != "":
			return remains
		}
		return whole
	}
	head, tail, _ := strings.Cut(j.promise.Content, "{pid}")
	rest, ok := strings.CutPrefix(f.Content, head)
	if ok {
		rest, ok = cutPID(rest, &j.lives[i])
	}
	switch {
	case !ok || !strings.HasPrefix(rest, tail):
		return other
	case rest != tail:
		return remains
	}
	return whole
}

// masked is a file's content with "{pid}" for each name of an actor's living
// processes, "{a}" or "{a.1}".
func (j *Judge) masked(content string, l *life) string {
	var b strings.Builder
	for {
		head, rest, found := strings.Cut(content, "{"+l.name)
		b.WriteString(head)
		if !found {
			return b.String()
		}
		lane, tail, whole := strings.Cut(rest, "}")
		if whole && (lane == "" || lane[0] == '.') && !strings.HasSuffix(lane, " gone") {
			b.WriteString("{pid}")
		} else {
			b.WriteString("{" + l.name + lane + "}")
		}
		content = tail
	}
}

// cutPID returns what follows the pid of an actor.
func cutPID(text string, l *life) (rest string, ok bool) {
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
