// Daemons runs racefuzz on daemons from Debian's packages, as they are, and
// writes what it found to docs/daemons.md, with a witness to replay for each
// race in testdata/daemons/debian. The packages are unpacked into a cache, not
// installed, and nothing of them runs but under racefuzz, on ports of the
// loopback interface.
//
//	go run ./ci/daemons                  all of them, which takes about an hour
//	go run ./ci/daemons nginx cron       these, and leaves the other rows as they are
//	go run ./ci/daemons -replay nginx    the saved witness again
//	go run ./ci/daemons -page            the page only, of what was run before
//
// It needs Linux and apt-get. Those daemons that need root are left out where
// it does not run as root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/memlatch/memlatch/ci/corpus"
)

// witnesses is where they are in the module.
const witnesses = "testdata/daemons/debian"

var sheet = corpus.Sheet[row]{
	Results: witnesses + "/results.json", Page: "docs/daemons.md",
	Place: func(r row) int { return place(r.Name) }, Render: render,
}

func main() { corpus.Main("daemons", run) }

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("daemons", flag.ExitOnError)
	cache, _ := os.UserCacheDir()
	cache = filepath.Join(cache, "memlatch-daemons")
	f.StringVar(&cache, "cache", cache, "where packages are kept and unpacked")
	replay := f.String("replay", "", "replay the witness of one daemon")
	lenient := f.Bool("lenient", false, "replay what was found with -lenient")
	again := f.Bool("page", false, "run nothing and write the page again")
	schedules := f.Int("n", 400, "schedules of each daemon, at most")
	limit := f.Duration("time", time.Minute, "time for each daemon, without learning and shrinking")
	f.Parse(args)
	if *again {
		return sheet.Rewrite()
	}
	names := f.Args()
	if *replay != "" {
		names = []string{*replay}
	}
	chosen, err := corpus.Choose(daemons, func(x daemon) string { return x.Name }, names)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "daemons-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{packages: corpus.Packages{Dir: cache}, schedules: *schedules, limit: *limit}
	if b.racefuzz, err = corpus.Build(ctx, dir, b.packages.Environment); err != nil {
		return err
	}
	if *replay != "" {
		return b.replay(chosen[0], *lenient)
	}
	var failed []error
	for _, d := range chosen {
		if d.Root && os.Geteuid() != 0 {
			fmt.Printf("%s: left out, because it needs root\n", d.Name)
			continue
		}
		row, err := b.try(d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", d.Name, err))
			continue
		}
		fmt.Printf("%s: %s (%d schedules)\n", d.Name, row.Strict.Verdict, row.Strict.Schedules)
		if err := sheet.Record(row); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}
