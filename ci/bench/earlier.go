package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/memlatch/memlatch/ci/host"
)

// Of what an earlier memlatch took, this one may take so much.
const (
	mostOfAdd    = 1.5
	mostOfSearch = 2
	mostOfAll    = 0.25 // where every memory matches
	mostOfSize   = 3

	earlierSize    = 100_000
	earlierRepeats = 45
	earlierAdds    = 301 // each ends with a wait for the disk, which varies
	everywhere     = "everywhere"
)

// earlier compares memlatch with an earlier one, each with a store of its own
// that has the same memories.
func earlier(ctx context.Context, t *table, c contestants) error {
	programs := []*contestant{c.memlatch, c.earlier}
	var homes [2]string
	var sessions [2]*host.Session
	corpus := newCorpus()
	grow := func(texts []string) (err error) {
		for i, program := range programs {
			if homes[i] == "" {
				homes[i], err = c.home()
			}
			err = errors.Join(err, fillOne(ctx, program, homes[i], texts))
			if err == nil {
				sessions[i], _, err = program.open(ctx, homes[i])
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	compare := func(name string, repeats int, bar float64, input func() string, call func(context.Context, *host.Session, string) error) error {
		var figures [2][]float64
		for n := range repeats + 1 {
			text := input()
			for i := range programs {
				i = (i + n) % len(programs) // nobody always comes first
				d, err := timed(ctx, sessions[i], text, call)
				if err != nil {
					return err
				}
				if n > 0 { // the first one warms up
					figures[i] = append(figures[i], d)
				}
			}
		}
		t.add(newRow(name, c.earlier.name, "ms", median(figures[0]), median(figures[1]), bar))
		return nil
	}
	if err := grow(corpus.texts(earlierSize)); err != nil {
		return err
	}
	at := fmt.Sprintf(" at %d", earlierSize)
	err := errors.Join(
		compare("mem_add"+at, earlierAdds, mostOfAdd, corpus.text, add),
		compare("mem_search, rare word"+at, earlierRepeats, mostOfSearch, corpus.rare, search),
		compare("mem_search, common word"+at, earlierRepeats, mostOfSearch, corpus.common, search),
		compare("mem_search, word of few memories"+at, earlierRepeats, 0, func() string { return word(corpus.random.Uint64N(vocabulary/2) + vocabulary/2) }, search),
		closeAll(ctx, sessions[:]))
	if err != nil {
		return err
	}
	var bytes [2]float64
	for i, home := range homes {
		if bytes[i], err = storeSize(home); err != nil {
			return err
		}
	}
	t.add(newRow("store"+at, c.earlier.name, "MB", bytes[0]/1e6, bytes[1]/1e6, mostOfSize))

	texts := corpus.texts(earlierSize)
	for i := range texts {
		texts[i] = everywhere + " " + texts[i]
	}
	homes = [2]string{}
	if err := errors.Join(grow(texts), closeAll(ctx, sessions[:]), grow(texts)); err != nil {
		return err
	}
	return errors.Join(
		compare(fmt.Sprintf("mem_search that all of %d match", 2*earlierSize), 5, mostOfAll, func() string { return everywhere }, search),
		closeAll(ctx, sessions[:]))
}

// storeSize is that of all files in a memlatch's home, in bytes.
func storeSize(home string) (bytes float64, err error) {
	err = filepath.WalkDir(filepath.Join(home, "memories"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() {
			bytes += float64(info.Size())
		}
		return err
	})
	return bytes, err
}
