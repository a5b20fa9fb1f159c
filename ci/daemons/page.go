package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// load reads what came of the daemons so far.
func load() ([]row, error) {
	var rows []row
	data, err := os.ReadFile(results)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &rows)
	}
	return rows, err
}

// record puts a row in the place of the one before, and writes the page.
func record(r row) error {
	rows, err := load()
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(old row) bool { return old.Name == r.Name })
	rows = append(rows, r)
	slices.SortFunc(rows, func(a, b row) int { return place(a.Name) - place(b.Name) })
	data, err := json.MarshalIndent(rows, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(results, append(data, '\n'), 0o644); err != nil {
		return err
	}
	return rewrite()
}

// rewrite writes the page of the rows there are.
func rewrite() error {
	rows, err := load()
	if err != nil {
		return err
	}
	return os.WriteFile(page, render(rows), 0o644)
}

func place(name string) int {
	return slices.IndexFunc(daemons, func(d daemon) bool { return d.Name == name })
}

const head = `# Daemons as they are

What racefuzz finds in unmodified programs from Debian's packages. Each row was run: two actors start and stop the
program, once and then twice each, with at most 2 preemptions and 1 crash, from an empty directory and from one with a
dead process's pid file, until something is found, or the schedules or the time for it run out. Both actors give the
same command, with the same port, as two starts of the same service do. The table is written by

    go run ./ci/daemons

which unpacks the packages into a cache, without installing them. A witness is replayed with

    go run ./ci/daemons -replay nginx

or, where the package is installed, with ` + "`racefuzz replay testdata/daemons/debian/nginx.txtar`" + `.

A finding is the first one, so there may be more behind it; where that is only that a dead server's file is empty for
a moment, which is true of most, the program was run once more with -lenient, which lets that pass. "After a stop" says
whether the pid file is still there when the program has stopped in order. Most of these programs are started by an
init system that never starts them twice, and say nowhere that their pid file is a lock: "by design" means that the
program promises no more. Clean so far means in so many schedules, of which there are more.

`

func render(rows []row) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	fmt.Fprintf(&b, "| program | package | what racefuzz found | after a stop | schedules | replayed |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		d := daemons[place(r.Name)]
		after := "gone"
		if r.Leaves {
			after = "left"
		}
		if d.NoPID {
			after = "–"
		}
		found, schedules, replayed := r.Strict.kind(), fmt.Sprint(r.Strict.Schedules), r.Strict.rate()
		if o := r.Lenient; o != nil {
			found += "; apart from that " + o.kind()
			schedules += fmt.Sprintf(" + %d", o.Schedules)
			replayed += ", " + o.rate()
		}
		fmt.Fprintf(&b, "| %s, %s | %s %s | %s | %s | %s | %s |\n", d.Name, d.What, r.Package, r.Version, found, after, schedules, strings.TrimSuffix(replayed, ", –"))
	}
	b.WriteString("\n## One by one\n")
	for _, r := range rows {
		d := daemons[place(r.Name)]
		fmt.Fprintf(&b, "\n### %s\n\n    racefuzz %s\n\n", d.Name, commandLine(d.arguments()))
		text := r.Strict.sentence(d)
		if r.Lenient != nil {
			text += " With -lenient: " + r.Lenient.sentence(d.lenient())
		}
		fmt.Fprintln(&b, wrap(strings.TrimSpace(text+" "+d.Remarks[r.last().invariant()])))
	}
	return b.Bytes()
}

// last is the outcome that goes farthest.
func (r row) last() outcome {
	if r.Lenient != nil {
		return *r.Lenient
	}
	return r.Strict
}

func (o outcome) sentence(d daemon) string {
	if o.Replays == 0 {
		return fmt.Sprintf("%s, %d schedules.", o.Verdict, o.Schedules)
	}
	return fmt.Sprintf("%s. Its witness has %d steps: [%s](../%s).", o.Verdict, o.Steps, path.Base(d.witness()), d.witness())
}

// rate says how often the witness was replayed with what success.
func (o outcome) rate() string {
	if o.Replays == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", o.Replayed, o.Replays)
}

// invariant is the one that is broken, or "".
func (o outcome) invariant() string {
	if o.Exit != 1 {
		return ""
	}
	name, _, _ := strings.Cut(o.Verdict, ":")
	return name
}

// emptied is the finding that most daemons have.
const emptied = "I2: empties a stale file before it writes"

// kind is that of the verdict.
func (o outcome) kind() string {
	for _, kind := range []struct{ reason, what string }{
		{"removes the pid file of", "loses the holder's pid: another removes its file"},
		{"puts another file in the place", "loses the holder's pid: another replaces its file"},
		{"holds nothing: it is gone", "loses the holder's pid: it serves without a file"},
		{"its pid file holds nothing", "loses the holder's pid: another empties its file"},
		{"its pid file holds", "the file holds another pid than the holder's"},
		{"empties the pid file before", strings.TrimPrefix(emptied, "I2: ")},
		{"has not replaced the old one whole", "an old pid is not replaced whole"},
		{"both run as the server", "two run"},
		{"although nobody runs", "a start is refused although nobody runs"},
		{"remains", "leaves a file behind"},
		{"lives on", "does not stop when it is asked to"},
	} {
		switch {
		case !strings.Contains(o.Verdict, kind.reason):
		case o.Exit == 1:
			return o.invariant() + ": " + kind.what
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

// commandLine quotes what a shell would take apart.
func commandLine(args []string) string {
	var out []string
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t'\"\\$&|;<>()*?[]#~`!{}") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}

// wrap breaks text into lines of at most 120 bytes.
func wrap(text string) string {
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
