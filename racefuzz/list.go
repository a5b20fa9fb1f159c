package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/proc"
)

const listMode = "list"

const listManual = `Usage: racefuzz list

Lists the targets, one a line: memlatch, a small server with nothing wrong, and
the known bugs, which -target names.
`

// listing is the mode that lists the targets.
type listing struct{ common }

func (l *listing) flags(*flag.FlagSet) {}

func (l *listing) check(given map[string]bool, words, command []string) error {
	if len(words)+len(command) > 0 {
		return fmt.Errorf("unexpected argument %q", append(words, command...)[0])
	}
	return nil
}

func (l *listing) run(ctx context.Context, out *output) (int, error) {
	list(out.stdout)
	return exitClean, nil
}

func list(w io.Writer) {
	fmt.Fprintf(w, "%-31s the server of this module, or the one given with -server\n", shipped)
	for _, s := range standIns() {
		what := "a small server with nothing wrong, for control"
		if s.Bug != "" {
			what = s.Bug
		}
		fmt.Fprintf(w, "%-31s %s\n", s.Name, what)
	}
	for _, m := range mutant.All() {
		if !slices.ContainsFunc(standIns(), func(s proc.StandIn) bool { return s.Name == m.Name }) {
			fmt.Fprintf(w, "%-31s %s (with racefuzz protocol)\n", m.Name, m.Bug)
		}
	}
}
