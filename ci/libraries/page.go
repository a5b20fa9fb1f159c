package main

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/ci/corpus"
)

const head = `# Lock and pid-file libraries

What racefuzz finds in libraries that programs lock with, or keep their pid file with, and in what shell scripts do
instead. Each is in the smallest daemon there is, which uses it as its own documentation says: it locks, has its pid in
the pid file, waits for the end of its input, and lets go. These daemons are in [ci/libraries/programs](../ci/libraries/programs).
The table is written by

    go run ./ci/libraries

which keeps and builds all that it needs in a cache and installs nothing. It fails if what is found contradicts the
judgement. A witness is replayed with

    go run ./ci/libraries -replay nightlyone

Each was run with the default bounds: two actors start and stop the daemon, once and then twice each, with at most 2
preemptions and 1 crash, from an empty directory, from one with a dead process's pid file, and from one whose pid is
somebody else's by now. The flags say where the lock is (-lockfile), that who has a lock beside the pid file may empty
that (-may-empty), and for those that ask whether a pid lives, that another process with a dead one's pid bars every start
(-pass): this is by design of all of them, and racefuzz says so first when it is run without.

A row ends with the first finding, or after 30 s where one is expected, and after 45 or 60 s where none is. That counts all
that racefuzz does; shrinking what was found may take a little longer. What was not found in the first time was looked for with
narrower bounds in the second, and the section at the end lists it. The machine had two cores and much other work.

- *bug*: the library does not keep what its documentation says, or the script what it is written for.
- *by design*: what is found is what the documentation says, or what follows from it.
- *misuse*: the library is right, and this way to use it is not.
- *clean*: nothing was found. Complete means: in every order within the bounds; otherwise in so many schedules, of which there are more.

`

func render(rows []row) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	fmt.Fprintf(&b, "%s\n\n", corpus.Wrap(count(rows)))
	b.WriteString("| library | version | what racefuzz found | judgement | schedules | seconds | replayed |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		l := libraries[place(r.Name)]
		name := fmt.Sprintf("%s, %s: %s", l.Name, l.Language, l.What)
		if r.NotRun != "" {
			fmt.Fprintf(&b, "| %s | | not run: %s | not judged | – | – | – |\n", name, r.NotRun)
			continue
		}
		found, schedules, seconds := kind(r.Default), fmt.Sprint(r.Default.Schedules), fmt.Sprint(r.Default.Seconds)
		if o := r.Further; o != nil {
			found += "; with " + strings.Join(l.Also, " ") + ": " + kind(*o)
			schedules += fmt.Sprintf(" + %d", o.Schedules)
			seconds += fmt.Sprintf(" + %v", o.Seconds)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", name, r.Version, found, l.Judgement, schedules, seconds, r.last().Rate())
	}
	b.WriteString("\n## One by one\n")
	for _, r := range rows {
		if r.NotRun == "" {
			one(&b, libraries[place(r.Name)], r)
		}
	}
	late(&b, rows)
	return b.Bytes()
}

// kind is what was found, or within which bounds nothing was.
func kind(o corpus.Outcome) string {
	_, far, ok := strings.Cut(o.Verdict, "proved so far: complete up to ")
	switch {
	case o.Exit == 0 && !ok && strings.HasPrefix(o.Verdict, "not finished"):
		return "nothing found"
	case o.Exit != 0 || !ok:
		return o.Kind()
	}
	if _, n, ok := strings.Cut(far, "in all: "); ok {
		n, _, _ = strings.Cut(n, " with ")
		far = n + " preemptions and crashes in all"
	}
	return "nothing found, complete up to " + far
}

// verdict is what racefuzz said, without its advice and its counts.
func verdict(o corpus.Outcome) string {
	text, _, _ := strings.Cut(o.Verdict, " (")
	if o.Exit == 1 {
		text = o.Verdict
	}
	return strings.Replace(text, "; more -time goes further, and lower bounds end sooner", "", 1)
}

// count says of how many there is which judgement.
func count(rows []row) string {
	kinds, languages, notRun := map[string]int{}, map[string]bool{}, 0
	for _, r := range rows {
		l := libraries[place(r.Name)]
		if r.NotRun != "" {
			notRun++
			continue
		}
		kinds[l.Judgement]++
		languages[strings.TrimPrefix(l.Language, "ba")] = true // bash is an sh
	}
	text := fmt.Sprintf("%d rows in %d languages: %d with a bug, %d by design, %d of misuse, %d clean.",
		len(rows)-notRun, len(languages), kinds[bug], kinds[design], kinds[misuse], kinds[clean])
	if notRun > 0 {
		text += fmt.Sprintf(" Not run: %d.", notRun)
	}
	var missing []string
	for _, l := range libraries {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.Name == l.Name }) {
			missing = append(missing, l.Name)
		}
	}
	if missing != nil {
		text += " There is no result yet of " + strings.Join(missing, ", ") + "."
	}
	return text
}

// one writes what is to be said of a library.
func one(b *bytes.Buffer, l library, r row) {
	fmt.Fprintf(b, "\n### %s\n\n    racefuzz %s\n\n", l.Name, corpus.CommandLine(l.arguments()))
	text := verdict(r.Default) + "."
	if r.Further != nil {
		text += fmt.Sprintf(" With %s: %s.", strings.Join(l.Also, " "), verdict(*r.Further))
	}
	if o := r.last(); o.Replays > 0 {
		text += fmt.Sprintf(" Its witness has %d steps: [%s](../%s).", o.Steps, path.Base(l.witness()), l.witness())
	}
	judgement := strings.ToUpper(l.Judgement[:1]) + l.Judgement[1:] + ". "
	fmt.Fprintln(b, corpus.Wrap(strings.TrimSpace(text+" "+judgement+l.Remark)))
	if l.Report != "" {
		fmt.Fprintf(b, "Report: <%s>\n", l.Report)
	}
}

// late lists what was not found as it should be.
func late(b *bytes.Buffer, rows []row) {
	b.WriteString("\n## Not found within the time, or within 200 schedules\n\n")
	none := true
	for _, r := range rows {
		l := libraries[place(r.Name)]
		if r.NotRun != "" || len(l.Want) == 0 || r.Default.Exit == 1 && r.Default.Schedules <= 200 {
			continue
		}
		none = false
		text := fmt.Sprintf("- %s: %s, after %d schedules and %v s", l.Name, kind(r.Default), r.Default.Schedules, r.Default.Seconds)
		if o := r.Further; o != nil {
			text += fmt.Sprintf("; with %s: %s, after %d more", strings.Join(l.Also, " "), kind(*o), o.Schedules)
		}
		fmt.Fprintln(b, corpus.Wrap(text+"."))
	}
	if none {
		b.WriteString("None.\n")
	}
}
