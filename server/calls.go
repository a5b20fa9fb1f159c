package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/memlatch/memlatch/lock"
)

// tools are the tools' implementations.
type tools struct {
	claim *claim
	store *store
}

type addArgs struct {
	Text string   `json:"text"`
	Tags []string `json:"tags"`
}

func (t tools) add(ctx context.Context, in addArgs) (memory, error) {
	if err := (memory{Text: in.Text, Tags: in.Tags}).check(); err != nil {
		return memory{}, err
	}
	return t.store.add(ctx, in.Text, in.Tags)
}

type searchArgs struct {
	Query string `json:"query"`
	Tag   string `json:"tag"`
	Limit *int   `json:"limit"`
}

type searchResult struct {
	Memories []found `json:"memories"`
}

func (t tools) search(ctx context.Context, in searchArgs) (searchResult, error) {
	limit, err := checkLimit(in.Limit, usuallyFound, maxFound)
	err = errors.Join(err, checkLength("query", in.Query, maxQuery), checkTag(in.Tag))
	if err == nil && matchAny(in.Query) == "" {
		err = errors.New(`"query" has no words`)
	}
	if err != nil {
		return searchResult{}, err
	}
	results, err := t.store.search(ctx, in.Query, in.Tag, limit)
	return searchResult{append([]found{}, results...)}, err
}

// maxPage bounds the text of one page of a list, in bytes: a host puts it
// into its model's context.
const maxPage = 256 << 10

type listArgs struct {
	Tag    string `json:"tag"`
	Limit  *int   `json:"limit"`
	Cursor string `json:"cursor"`
}

type listResult struct {
	Memories   []memory `json:"memories"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

func (t tools) list(ctx context.Context, in listArgs) (listResult, error) {
	limit, err := checkLimit(in.Limit, usuallyListed, maxListed)
	before := int64(1<<63 - 1)
	if in.Cursor != "" {
		n, cursorErr := strconv.ParseInt(in.Cursor, 10, 64)
		if cursorErr != nil {
			err = errors.Join(err, fmt.Errorf(`"cursor" is %q, which no page has returned`, in.Cursor))
		}
		before = n
	}
	if err := errors.Join(err, checkTag(in.Tag)); err != nil {
		return listResult{}, err
	}
	memories, err := t.store.list(ctx, in.Tag, before, limit+1)
	if err != nil {
		return listResult{}, err
	}
	n, size := 0, 0
	for n < min(limit, len(memories)) && (n == 0 || size+len(memories[n].Text) <= maxPage) {
		size += len(memories[n].Text)
		n++
	}
	result := listResult{Memories: append([]memory{}, memories[:n]...)}
	if n < len(memories) {
		result.NextCursor = strconv.FormatInt(memories[n-1].ID, 10)
	}
	return result, nil
}

type idArgs struct {
	ID int64 `json:"id"`
}

func (a idArgs) check() error {
	if a.ID < 1 {
		return errors.New(`"id" must be a positive whole number`)
	}
	return nil
}

func (t tools) get(ctx context.Context, in idArgs) (memory, error) {
	if err := in.check(); err != nil {
		return memory{}, err
	}
	m, err := t.store.get(ctx, in.ID)
	return m, missing(err, in.ID)
}

type deleteResult struct {
	ID int64 `json:"id"`
}

func (t tools) delete(ctx context.Context, in idArgs) (deleteResult, error) {
	if err := in.check(); err != nil {
		return deleteResult{}, err
	}
	return deleteResult(in), missing(t.store.delete(ctx, in.ID), in.ID)
}

func missing(err error, id int64) error {
	if errors.Is(err, errNoMemory) {
		return fmt.Errorf("there is no memory with id %d", id)
	}
	return err
}

type fileArgs struct {
	File string `json:"file"`
}

// check refuses what depends on the directory that a host started this in.
func (a fileArgs) check() error {
	if !filepath.IsAbs(a.File) {
		return errors.New(`"file" must be the whole path of a file`)
	}
	return nil
}

type exportResult struct {
	File     string `json:"file"`
	Memories int64  `json:"memories"`
}

func (t tools) export(ctx context.Context, in fileArgs) (exportResult, error) {
	if err := in.check(); err != nil {
		return exportResult{}, err
	}
	n, err := t.store.exportFile(ctx, in.File)
	return exportResult{in.File, n}, err
}

func (t tools) load(ctx context.Context, in fileArgs) (imported, error) {
	if err := in.check(); err != nil {
		return imported{}, err
	}
	info, err := os.Stat(in.File)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", in.File)
	}
	if err != nil {
		return imported{}, err
	}
	f, err := os.Open(in.File)
	if err != nil {
		return imported{}, err
	}
	defer f.Close()
	return t.store.load(ctx, f, func(i imported) { reportProgress(ctx, i.bytes, info.Size()) })
}

type noArgs struct{}

// statusResult is what mem_status says.
type statusResult struct {
	Role     string         `json:"role"`
	PID      int            `json:"pid"`
	Recorded recordedStatus `json:"recorded"`
	PIDFile  string         `json:"pid_file"`
	Store    storeStatus    `json:"store"`
	Version  string         `json:"version"`
	Problem  string         `json:"problem,omitempty"`
}

type recordedStatus struct {
	State string `json:"state"`
	PID   int    `json:"pid"`
}

type storeStatus struct {
	Path     string `json:"path"`
	Exists   bool   `json:"exists"`
	Open     bool   `json:"open"`
	Memories int64  `json:"memories"`
	Bytes    int64  `json:"bytes"`
}

func (t tools) status(ctx context.Context, _ noArgs) (statusResult, error) {
	holder, path, problem := t.claim.holder()
	result := statusResult{Role: "standby", PID: os.Getpid(), PIDFile: path, Version: version()}
	if holder {
		result.Role = "holder"
	}
	recorded, err := lock.Probe(path)
	problem = errors.Join(problem, err)
	result.Recorded = recordedStatus{recorded.State.String(), recorded.PID}
	result.Store, err = t.store.status(ctx)
	if problem = errors.Join(problem, err, t.store.check()); problem != nil {
		result.Problem = explain(problem)
	}
	return result, nil
}
