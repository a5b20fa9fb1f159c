package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

const (
	// importBatch is how many memories become visible, and durable, at once.
	importBatch = 500
	// maxImportLine bounds one line, in bytes: an entity of the reference
	// server is one line with all that is known about it.
	maxImportLine = 16 << 20
	// maxRefusals bounds the refused lines that are named.
	maxRefusals = 20
)

// imported is the outcome of an import, or of the part that is done.
type imported struct {
	Added    int64     `json:"added"`
	Known    int64     `json:"known" about:"memories that were there already"`
	Refused  int64     `json:"refused" about:"lines that are no memories"`
	Refusals []refusal `json:"refusals" about:"the first of them"`
	bytes    int64     // read
}

// refusal is a line that was not imported.
type refusal struct {
	Line    int64  `json:"line"`
	Problem string `json:"problem"`
}

// load imports the lines of in: those that [store.export] writes, and those
// of @modelcontextprotocol/server-memory. What is in the store already, with
// the same text and the same tags, is not added again, so that an import can
// be repeated. progress is called now and then.
func (s *store) load(ctx context.Context, in io.Reader, progress func(imported)) (imported, error) {
	result := imported{Refusals: []refusal{}}
	r := bufio.NewReaderSize(in, 64<<10)
	var batch []memory
	for number, end := int64(1), false; !end; number++ {
		if err := ctx.Err(); err != nil {
			return result, err
		}
		line, tooLong, err := readLine(r, maxImportLine)
		if err != nil && err != io.EOF {
			return result, err
		}
		end = err == io.EOF
		result.bytes += int64(len(line))
		var memories []memory
		if err = fmt.Errorf("the line has more than %d bytes", maxImportLine); !tooLong {
			memories, err = parseMemories(line)
		}
		if err != nil {
			result.Refused++
			if len(result.Refusals) < maxRefusals {
				result.Refusals = append(result.Refusals, refusal{number, shorten(err.Error(), 0)})
			}
		}
		batch = append(batch, memories...)
		if end || len(batch) >= importBatch {
			if err := result.add(ctx, s, batch); err != nil {
				return result, err
			}
			batch = batch[:0]
			progress(result)
		}
	}
	return result, nil
}

// add adds a batch in one transaction.
func (i *imported) add(ctx context.Context, s *store, batch []memory) error {
	then := *i
	err := s.write(ctx, true, func(tx *sql.Tx) error {
		for _, m := range batch {
			_, known, err := add(ctx, tx, m)
			if err != nil {
				return err
			}
			if known {
				then.Known++
			} else {
				then.Added++
			}
		}
		return nil
	})
	if err == nil {
		*i = then
	}
	return err
}

// record is a line of either kind.
type record struct {
	memory
	Type string `json:"type"` // of the reference server: entity or relation

	Name         string   `json:"name"`
	EntityType   string   `json:"entityType"`
	Observations []string `json:"observations"`

	From         string `json:"from"`
	To           string `json:"to"`
	RelationType string `json:"relationType"`
}

// parseMemories returns what is in a line. One without anything is no error.
func parseMemories(line []byte) ([]memory, error) {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, nil
	}
	var r record
	var mismatch *json.UnmarshalTypeError
	switch err := json.Unmarshal(line, &r); {
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return nil, errors.New("it must be an object")
	case errors.As(err, &mismatch):
		return nil, mustBe(mismatch, &r)
	case err != nil && !json.Valid(line):
		return nil, errors.New("not valid JSON")
	case err != nil:
		return nil, err
	}
	memories, err := r.memories()
	if err != nil {
		return nil, err
	}
	for i := range memories {
		memories[i].Created = stored(cmp.Or(r.Created, time.Now()))
		if err := memories[i].check(); err != nil {
			return nil, err
		}
	}
	return memories, nil
}

func (r record) memories() (memories []memory, err error) {
	switch r.Type {
	case "":
		return []memory{r.memory}, nil
	case "relation":
		if r.From == "" || r.To == "" {
			return nil, errors.New("a relation needs from and to")
		}
		return []memory{{Text: r.From + " " + r.RelationType + " " + r.To, Tags: usableTags(r.From, r.To)}}, nil
	case "entity":
		if r.Name == "" {
			return nil, errors.New("an entity needs a name")
		}
		name, tags := r.Name, usableTags(r.Name, r.EntityType)
		if r.EntityType != "" {
			name += " (" + r.EntityType + ")"
		}
		if len(r.Observations) == 0 {
			return []memory{{Text: name, Tags: tags}}, nil
		}
		for _, o := range r.Observations { // each is to make sense on its own
			memories = append(memories, memory{Text: name + ": " + o, Tags: tags})
		}
		return memories, nil
	}
	return nil, fmt.Errorf("there is no type %q", r.Type)
}

// usableTags are those of names that can be tags.
func usableTags(names ...string) (tags []string) {
	for _, name := range names {
		if checkLength("", name, maxTag) == nil {
			tags = append(tags, name)
		}
	}
	return tags
}

func (c command) load() (int, error) {
	file, err := c.file()
	if err != nil {
		return exitRefused, err
	}
	in := c.stdin
	if file != "-" {
		if in, err = os.Open(file); err != nil {
			return exitFailed, err
		}
		defer in.Close()
	}
	var result imported
	code, err := c.withStore(func(ctx context.Context, s *store) error {
		result, err = s.load(ctx, in, c.progress())
		return err
	})
	for _, r := range result.Refusals {
		fmt.Fprintf(c.stderr, "memlatch: line %d: %s\n", r.Line, r.Problem)
	}
	if err == nil || result.Added+result.Known > 0 {
		fmt.Fprintf(c.stdout, "imported %s; already there: %d\n", howMany(result.Added), result.Known)
	}
	switch {
	case err != nil:
		return code, &problem{what: "the import is not complete", err: err, hint: "repeat it: nothing is imported twice"}
	case result.Refused > 0:
		return exitFailed, &problem{what: fmt.Sprintf("lines refused: %d", result.Refused),
			hint: "mend them and repeat the import: nothing is imported twice"}
	}
	return exitOK, nil
}

// progress returns what says on stderr how far an import is: often on a
// terminal, else every ten seconds.
func (c command) progress() func(imported) {
	to, pause, format := c.stderr, 10*time.Second, "memlatch: imported %d\n"
	v, _ := c.stderr.(visible)
	if f, ok := v.Writer.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		to, pause, format = f, 100*time.Millisecond, "\rimported %d\r"
	}
	last := time.Now()
	return func(i imported) {
		if time.Since(last) >= pause {
			last = time.Now()
			fmt.Fprintf(to, format, i.Added+i.Known)
		}
	}
}
