package main

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/ci/corpus"
)

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
		found, schedules, replayed := r.Strict.Kind(), fmt.Sprint(r.Strict.Schedules), r.Strict.Rate()
		if o := r.Lenient; o != nil {
			found += "; apart from that " + o.Kind()
			schedules += fmt.Sprintf(" + %d", o.Schedules)
			replayed += ", " + o.Rate()
		}
		fmt.Fprintf(&b, "| %s, %s | %s %s | %s | %s | %s | %s |\n", d.Name, d.What, r.Package, r.Version, found, after, schedules, strings.TrimSuffix(replayed, ", –"))
	}
	b.WriteString("\n## One by one\n")
	for _, r := range rows {
		d := daemons[place(r.Name)]
		fmt.Fprintf(&b, "\n### %s\n\n    racefuzz %s\n\n", d.Name, corpus.CommandLine(d.arguments()))
		text := sentence(r.Strict, d)
		if r.Lenient != nil {
			text += " With -lenient: " + sentence(*r.Lenient, d.lenient())
		}
		fmt.Fprintln(&b, corpus.Wrap(strings.TrimSpace(text+" "+d.Remarks[r.last().Invariant()])))
	}
	return b.Bytes()
}

// last is the outcome that goes farthest.
func (r row) last() corpus.Outcome {
	if r.Lenient != nil {
		return *r.Lenient
	}
	return r.Strict
}

func sentence(o corpus.Outcome, d daemon) string {
	if o.Replays == 0 {
		return fmt.Sprintf("%s, %d schedules.", o.Verdict, o.Schedules)
	}
	return fmt.Sprintf("%s. Its witness has %d steps: [%s](../%s).", o.Verdict, o.Steps, path.Base(d.witness()), d.witness())
}
