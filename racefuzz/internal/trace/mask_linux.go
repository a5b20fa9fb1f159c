package trace

import (
	"fmt"
	"hash/maphash"
	"regexp"
	"strconv"
	"strings"
)

// who names the process behind a pid.
func (t *tracer) who(pid int) string {
	if pid == t.stranger {
		return "{stranger}"
	}
	if p := t.pids[pid]; p != nil {
		if p.ended {
			return "{" + p.lane + " gone}"
		}
		return "{" + p.lane + "}"
	}
	return strconv.Itoa(pid)
}

// mask replaces what differs from run to run: the pids of the case's processes
// by their names, "{a}" or, for one that has ended, "{a gone}", that of the stranger
// by "{stranger}", its directory by
// "{dir}", and random text by "{random}".
func (t *tracer) mask(text string) string {
	var b strings.Builder
	t.cut(text, func(between string, pid int) {
		b.WriteString(between)
		if pid != 0 {
			b.WriteString(t.who(pid))
		}
	})
	return b.String()
}

// cut calls f with the pieces of a text that end with the pid of one of the
// case's processes, and with what is left behind the last.
func (t *tracer) cut(text string, f func(between string, pid int)) {
	text = strings.ReplaceAll(text, t.dir, "{dir}")
	from := 0
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		n := i
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		if pid, err := strconv.Atoi(text[i:n]); err == nil && n-i < 9 && (t.pids[pid] != nil || pid == t.stranger) {
			f(text[from:i], pid)
			from = n
		}
		i = n
	}
	f(text[from:], 0)
}

// digest is what there is to say of bytes of any number in a short text: what
// they are but for the pids of the case's processes, and which these are.
type digest struct {
	rest string // hash and length of all else
	pids []int
}

var hashSeed = maphash.MakeSeed()

func (t *tracer) digestOf(text string) digest {
	var d digest
	var h maphash.Hash
	h.SetSeed(hashSeed)
	size := 0
	t.cut(text, func(between string, pid int) {
		h.WriteString(between)
		size += len(between)
		if pid != 0 {
			h.WriteByte(0)
			d.pids = append(d.pids, pid)
		}
	})
	d.rest = fmt.Sprintf("%x:%d", h.Sum64(), size)
	return d
}

// spelt is the digest in a word, with the processes by their names.
func (t *tracer) spelt(d digest) string {
	if len(d.pids) == 0 {
		return d.rest
	}
	names := []string{d.rest}
	for _, pid := range d.pids {
		names = append(names, t.who(pid))
	}
	return strings.Join(names, "")
}

// sizeOf is a file's size as it is in every run: pids have not always as many
// digits.
func (t *tracer) sizeOf(size int64, d digest) string {
	for _, pid := range d.pids {
		size -= int64(len(strconv.Itoa(pid)))
	}
	return fmt.Sprintf("%d+%d", size, len(d.pids))
}

// maskName does the same to a name, and leaves out random text as well. In a
// file's content it makes a difference whose it is.
func (t *tracer) maskName(name string) string {
	return randomText.ReplaceAllString(t.mask(name), "{random}")
}

// randomText is what Go's crypto/rand.Text returns.
var randomText = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)
