// Libraries runs racefuzz on lock and pid-file libraries, each in the smallest
// daemon there is, used as its own documentation says, and writes what it found
// to docs/libraries.md, with a witness to replay for each race in
// testdata/daemons/libraries. It fails if anything is found that contradicts
// the judgement in its table. What it needs is kept and built in a cache, and
// nothing is installed.
//
//	go run ./ci/libraries                    all of them, which takes about an hour
//	go run ./ci/libraries nightlyone pidlock these, and leaves the other rows as they are
//	go run ./ci/libraries -replay pidlock    the saved witness again
//	go run ./ci/libraries -page              the page only, of what was run before
//
// It needs Linux, apt-get, gcc, Go, npm, Python, Perl, cargo and a JDK. What
// cannot be had is said, and its row is one that was not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/ci/corpus"
)

// witnesses is where they are in the module.
const witnesses = "testdata/daemons/libraries"

var sheet = corpus.Sheet[row]{
	Results: witnesses + "/results.json", Page: "docs/libraries.md",
	Place: func(r row) int { return place(r.Name) }, Render: render,
}

func main() { corpus.Main("libraries", run) }

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("libraries", flag.ExitOnError)
	cache, _ := os.UserCacheDir()
	cache = filepath.Join(cache, "memlatch-libraries")
	f.StringVar(&cache, "cache", cache, "where packages are kept, unpacked and built")
	replay := f.String("replay", "", "replay the witness of one library")
	again := f.Bool("page", false, "run nothing and write the page again")
	limit := f.Duration("time", 30*time.Second, "time in which a race must be found")
	clean := f.Duration("clean", time.Minute, "time in which none must be found, where there is none, and to look on with other flags")
	f.Parse(args)
	if *again {
		return sheet.Rewrite()
	}
	names := f.Args()
	if *replay != "" {
		names = []string{*replay}
	}
	chosen, err := corpus.Choose(libraries, func(x library) string { return x.Name }, names)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "libraries-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{workshop: newWorkshop(ctx, absolute(cache)), limit: *limit, clean: *clean}
	if b.racefuzz, err = corpus.Build(ctx, dir, b.workshop.environment); err != nil {
		return err
	}
	if *replay != "" {
		if _, err := b.workshop.ready(chosen[0]); err != nil {
			return err
		}
		return b.racefuzz.Replay(chosen[0].witness())
	}
	var failed []error
	for _, l := range chosen {
		r, err := b.try(l)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", l.Name, err))
			continue
		}
		fmt.Printf("%s: %s (%d schedules, %.0f s)\n", l.Name, r.summary(), r.Default.Schedules, r.Default.Seconds)
		if err := sheet.Record(r); err != nil {
			return err
		}
		if err := r.contradiction(l); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// bench is where libraries are tried.
type bench struct {
	racefuzz     corpus.Racefuzz
	workshop     *workshop
	limit, clean time.Duration
}

// row is what came of a library.
type row struct {
	Name    string          `json:"name"`
	Version string          `json:"version,omitempty"`
	NotRun  string          `json:"notrun,omitempty"`  // why
	Default corpus.Outcome  `json:"default"`           // with the flags that say where its lock is
	Further *corpus.Outcome `json:"further,omitempty"` // with the flags for what was not found so
}

// try runs racefuzz on a library, and what it saves again.
func (b bench) try(l library) (r row, err error) {
	r.Name = l.Name
	r.Version, err = b.workshop.ready(l)
	if b.workshop.ctx.Err() != nil {
		return r, b.workshop.ctx.Err()
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		r.NotRun = first
		fmt.Fprintf(os.Stderr, "%s: not run: %v\n", l.Name, err)
		return r, corpus.Remove(l.witness())
	}
	limit := b.limit
	if len(l.Want) == 0 {
		limit = b.clean
	}
	r.Default, _, err = b.racefuzz.Explore(limit, l.witness(), l.arguments()...)
	switch {
	case err == nil && r.Default.Exit == 0 && r.Default.Schedules == 0:
		return row{Name: l.Name, Version: r.Version, NotRun: r.Default.Verdict}, nil
	case err != nil || r.Default.Exit != 0 || len(l.Want) == 0 || l.Also == nil:
		return r, err
	}
	further, _, err := b.racefuzz.Explore(b.clean, l.witness(), append(slices.Clone(l.Also), l.arguments()...)...)
	r.Further = &further
	return r, err
}

// last is the outcome that goes farthest.
func (r row) last() corpus.Outcome {
	if r.Further != nil {
		return *r.Further
	}
	return r.Default
}

func (r row) summary() string {
	if r.NotRun != "" {
		return "not run: " + r.NotRun
	}
	return r.last().Verdict
}

// contradiction says how what was found differs from the judgement.
func (r row) contradiction(l library) error {
	o := r.last()
	switch {
	case r.NotRun != "":
		return nil
	case o.Replayed != o.Replays:
		return fmt.Errorf("%s: its witness replays %s", l.Name, o.Rate())
	case !slices.Contains(l.wanted(), o.Invariant()) || o.Invariant() == "" && o.Exit != 0 && !l.Missed:
		return fmt.Errorf("%s: %s, want %q", l.Name, o.Verdict, l.wanted())
	}
	return nil
}
