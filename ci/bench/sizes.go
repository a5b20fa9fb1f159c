package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/memlatch/memlatch/ci/host"
	_ "modernc.org/sqlite"
)

// measuredSizes says how often each call is measured at each size: the
// reference server takes its time at the largest.
var measuredSizes = []struct{ memories, repeats int }{{1_000, 45}, {10_000, 25}, {100_000, 9}}

// sizes measures adding and searching in stores of several sizes.
func sizes(ctx context.Context, t *table, c contestants) error {
	home, err := c.home()
	if err != nil {
		return err
	}
	corpus := newCorpus()
	var filled int
	for _, size := range measuredSizes {
		if err := fill(ctx, c, home, corpus.texts(size.memories-filled)); err != nil {
			return err
		}
		filled = size.memories
		if err := atSize(ctx, t, c, home, size.memories, size.repeats, corpus); err != nil {
			return err
		}
	}
	return nil
}

func atSize(ctx context.Context, t *table, c contestants, home string, size, repeats int, corpus *corpus) error {
	ours, _, err := c.memlatch.open(ctx, home)
	if err != nil {
		return err
	}
	defer ours.Close(ctx)
	var theirs *host.Session
	if c.reference != nil {
		if theirs, _, err = c.reference.open(ctx, home); err != nil {
			return err
		}
		defer theirs.Close(ctx)
	}
	for _, measured := range []struct {
		name  string
		input func() string
		call  func(context.Context, *host.Session, string) error
		their func(context.Context, *host.Session, string) error
	}{
		{"mem_add", corpus.text, add, referenceAdd},
		{"mem_search, rare word", corpus.rare, search, referenceSearch},
		{"mem_search, common word", corpus.common, search, referenceSearch},
	} {
		var figures, theirFigures []float64
		for n := range repeats + 1 {
			input := measured.input()
			d, err := timed(ctx, ours, input, measured.call)
			if err != nil {
				return err
			}
			if n > 0 { // the first one warms up
				figures = append(figures, d)
			}
			if theirs == nil {
				continue
			}
			if d, err = timed(ctx, theirs, input, measured.their); err != nil {
				return err
			}
			if n > 0 {
				theirFigures = append(theirFigures, d)
			}
		}
		r := newRow(fmt.Sprintf("%s at %d", measured.name, size), "nothing", "ms", median(figures), 0, 0)
		if theirs != nil {
			r = newRow(r.Name, c.reference.name, r.Unit, r.Memlatch, median(theirFigures), 1)
		}
		t.add(r)
	}
	return nil
}

func timed(ctx context.Context, s *host.Session, input string, call func(context.Context, *host.Session, string) error) (float64, error) {
	began := time.Now()
	err := call(ctx, s, input)
	return milliseconds(time.Since(began)), err
}

func add(ctx context.Context, s *host.Session, text string) error {
	return s.Call(ctx, "mem_add", map[string]any{"text": text}, nil)
}

func search(ctx context.Context, s *host.Session, word string) error {
	return s.Call(ctx, "mem_search", map[string]any{"query": word}, nil)
}

// entity is a memory as the reference server knows it.
type entity struct {
	Type         string   `json:"type,omitempty"`
	Name         string   `json:"name"`
	EntityType   string   `json:"entityType"`
	Observations []string `json:"observations"`
}

func referenceAdd(ctx context.Context, s *host.Session, text string) error {
	e := entity{Name: text, EntityType: "memory", Observations: []string{text}}
	return s.Call(ctx, "create_entities", map[string]any{"entities": []entity{e}}, nil)
}

func referenceSearch(ctx context.Context, s *host.Session, word string) error {
	return s.Call(ctx, "search_nodes", map[string]any{"query": word}, nil)
}

// fill puts texts into the stores of both.
func fill(ctx context.Context, c contestants, home string, texts []string) error {
	if c.reference != nil {
		if err := fillReference(filepath.Join(home, referenceFile), texts); err != nil {
			return err
		}
	}
	return fillOne(ctx, c.memlatch, home, texts)
}

// fillOne puts texts into the store of one memlatch.
func fillOne(ctx context.Context, memlatch *contestant, home string, texts []string) error {
	s, _, err := memlatch.open(ctx, home)
	if err != nil {
		return err
	}
	// The first makes the store, with its tables.
	if err := errors.Join(add(ctx, s, texts[0]), s.Close(ctx)); err != nil {
		return err
	}
	return fillMemlatch(ctx, filepath.Join(home, "memories", "store", "memories.db"), texts[1:])
}

func fillReference(path string, texts []string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	w.WriteByte('\n') // the server's own last line has none
	e := json.NewEncoder(w)
	for i, text := range texts {
		if err := e.Encode(entity{"entity", fmt.Sprint(i, " ", text), "memory", []string{text}}); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

func fillMemlatch(ctx context.Context, path string, texts []string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert, err := tx.PrepareContext(ctx, "INSERT INTO memories(text, tags, created) VALUES (?, '[]', '2026-01-01T00:00:00Z')")
	if err != nil {
		return err
	}
	for _, text := range texts {
		if _, err := insert.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// corpus makes texts of made-up words, of which few are frequent and most are
// rare, as in a language.
type corpus struct {
	random *rand.Rand
	words  *rand.Zipf
}

const vocabulary = 50_000

func newCorpus() *corpus {
	r := rand.New(rand.NewPCG(1, 2))
	return &corpus{random: r, words: rand.NewZipf(r, 1.1, 5, vocabulary-1)}
}

func word(rank uint64) string { return fmt.Sprintf("word%05d", rank) }

func (c *corpus) text() string {
	words := make([]string, 12)
	for i := range words {
		words[i] = word(c.words.Uint64())
	}
	return strings.Join(words, " ")
}

func (c *corpus) texts(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = c.text()
	}
	return texts
}

func (c *corpus) rare() string   { return word(1000 + c.random.Uint64N(1000)) }
func (c *corpus) common() string { return word(c.random.Uint64N(3)) }
