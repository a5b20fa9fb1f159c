package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/memlatch/memlatch/ci/corpus"
)

// bench is where daemons are tried.
type bench struct {
	racefuzz  corpus.Racefuzz
	packages  corpus.Packages
	schedules int
	limit     time.Duration
}

// row is what came of a daemon.
type row struct {
	Name    string          `json:"name"`
	Package string          `json:"package"`
	Version string          `json:"version"`
	Leaves  bool            `json:"leaves"` // the file is there after an orderly stop
	Strict  corpus.Outcome  `json:"strict"`
	Lenient *corpus.Outcome `json:"lenient,omitempty"` // with -lenient, if what was found is that a stale file is emptied
}

// try runs racefuzz on a daemon, and what it saves again.
func (b bench) try(d daemon) (row, error) {
	r := row{Name: d.Name, Package: d.Package}
	var err error
	if r.Version, err = b.packages.Fetch(b.racefuzz.Ctx, d.Package); err != nil {
		return r, err
	}
	if r.Strict, r.Leaves, err = b.explore(d); err != nil || r.Strict.Kind() != corpus.Emptied {
		return r, errors.Join(err, corpus.Remove(d.lenient().witness()))
	}
	second, _, err := b.explore(d.lenient())
	r.Lenient = &second
	return r, err
}

func (b bench) explore(d daemon) (corpus.Outcome, bool, error) {
	args := append([]string{"-n", strconv.Itoa(b.schedules), "-workers", "4"}, d.arguments()...)
	return b.racefuzz.Explore(b.limit, d.witness(), args...)
}

// replay shows the witness of a daemon once more.
func (b bench) replay(d daemon, lenient bool) error {
	if lenient {
		d = d.lenient()
	}
	if _, err := b.packages.Fetch(b.racefuzz.Ctx, d.Package); err != nil {
		return err
	}
	return b.racefuzz.Replay(d.witness())
}
