package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/memlatch/memlatch/lock"
)

// tools are the tools' implementations.
type tools struct {
	claim *claim
	store *store
}

// view is a memory as a host is shown it: of a long text a part at most, for
// hosts cut out of the middle of a result what exceeds some 12 kB.
type view struct {
	ID         int64     `json:"id" about:"the memory's id"`
	NextOffset int       `json:"next_offset,omitempty" about:"given when mem_get has more of the text"`
	Text       string    `json:"text,omitempty"`
	Snippet    string    `json:"snippet,omitempty"`
	Length     int       `json:"length,omitempty" about:"given when this is a part of the text: how many characters mem_get has"`
	Tags       []string  `json:"tags"`
	Created    time.Time `json:"created" about:"RFC 3339, UTC"`
	Known      bool      `json:"known,omitempty" about:"it was there already, with the same text and tags"`
}

// view shows a part of the text, or nothing.
func (m memory) view(text string) view {
	v := view{ID: m.ID, Text: text, Tags: m.Tags, Created: m.Created}
	if text != "" && text != m.Text {
		v.Length = utf8.RuneCountInString(m.Text)
	}
	return v
}

// maxPage bounds a result, in bytes.
const maxPage = 9500

func size(v any) int {
	encoded, _ := json.Marshal(v)
	return len(encoded)
}

// fit returns as many of the first views as fit on a page.
func fit(views []view) []view {
	n, total := 0, 0
	for n < len(views) && (n == 0 || total+size(views[n]) < maxPage) {
		total += size(views[n]) + 1
		n++
	}
	return append([]view{}, views[:n]...)
}

type addArgs struct {
	Text string   `json:"text" about:"what to remember, worded to make sense on its own" length:"65536"`
	Tags []string `json:"tags,omitempty" about:"words to find it by; above all the project's name" items:"16" length:"64"`
}

func (t tools) add(ctx context.Context, in addArgs) (view, error) {
	m, known, err := add(ctx, t.store, memory{Text: in.Text, Tags: in.Tags, Created: time.Now()})
	v := m.view("")
	v.Known = known
	return v, err
}

type idArgs struct {
	ID int64 `json:"id" about:"the memory's id" least:"1"`
}

type updateArgs struct {
	idArgs
	Text *string  `json:"text,omitempty" about:"what it says from now on" length:"65536" example:"\"The tests need Go 1.25.\""`
	Tags []string `json:"tags,omitempty" about:"all tags that it has from now on" items:"16" length:"64"`
}

func (t tools) update(ctx context.Context, in updateArgs) (view, error) {
	if in.Text == nil && in.Tags == nil {
		return view{}, errors.New(`"text" and "tags" are both missing`)
	}
	m, err := t.store.update(ctx, in.ID, in.Text, in.Tags)
	return m.view(""), missing(err, in.ID)
}

type searchArgs struct {
	Query string `json:"query" about:"words and \"phrases\"" length:"1000"`
	filter
	Limit int `json:"limit,omitempty" about:"how many at most" least:"1" most:"100" usual:"10"`
}

type searchResult struct {
	LeftOut  int    `json:"left_out,omitempty" about:"how many more were found than fit in here"`
	Memories []view `json:"memories"`
}

func (t tools) search(ctx context.Context, in searchArgs) (searchResult, error) {
	found, err := t.store.search(ctx, in.Query, in.filter, in.Limit)
	page := fit(found)
	return searchResult{len(found) - len(page), page}, err
}

type listArgs struct {
	filter
	Limit  int    `json:"limit,omitempty" about:"how many at most" least:"1" most:"200" usual:"50"`
	Cursor string `json:"cursor,omitempty" about:"next_cursor of the page before"`
}

type listResult struct {
	NextCursor string `json:"next_cursor,omitempty" about:"given when there are more"`
	Memories   []view `json:"memories"`
}

func (t tools) list(ctx context.Context, in listArgs) (listResult, error) {
	memories, err := t.store.list(ctx, in.filter, in.Cursor, in.Limit+1)
	var views []view
	for _, m := range memories[:min(in.Limit, len(memories))] {
		views = append(views, m.view(shorten(m.Text, 0)))
	}
	result := listResult{Memories: fit(views)}
	if n := len(result.Memories); n < len(memories) {
		result.NextCursor = memories[n-1].cursor()
	}
	return result, err
}

type getArgs struct {
	idArgs
	Offset int `json:"offset,omitempty" about:"how many characters to skip"`
	Length int `json:"length,omitempty" about:"how many characters to return at most" least:"1"`
}

func (t tools) get(ctx context.Context, in getArgs) (view, error) {
	m, err := one(ctx, t.store, "id = ?", in.ID)
	text := []rune(m.Text)
	from := max(0, min(in.Offset, len(text)))
	n := min(cmp.Or(in.Length, len(text)), len(text)-from)
	v := m.view(string(text[from : from+n]))
	for size(v) > maxPage && n > 1 {
		n = max(1, n*maxPage/size(v))
		v = m.view(string(text[from : from+n]))
	}
	if from+n < len(text) {
		v.NextOffset = from + n
	}
	return v, missing(err, in.ID)
}

type deleteArgs struct {
	ID    int64  `json:"id,omitempty" about:"the memory's id" least:"1" example:"1"`
	Tag   string `json:"tag,omitempty" about:"instead of an id: all memories with this tag" length:"64"`
	Count int64  `json:"count,omitempty" about:"with a tag: how many memories that must be" least:"1"`
}

type deleteResult struct {
	ID      int64 `json:"id,omitempty"`
	Deleted int64 `json:"deleted" about:"how many memories"`
}

func (t tools) delete(ctx context.Context, in deleteArgs) (deleteResult, error) {
	if (in.ID == 0) == (in.Tag == "") {
		return deleteResult{}, errors.New(`either "id" or "tag" must be given`)
	}
	if in.ID != 0 {
		n, err := t.store.delete(ctx, "id = ?", in.ID, 1)
		return deleteResult{in.ID, n}, missing(err, in.ID)
	}
	n, err := t.store.delete(ctx, "tagged(tags, ?)", strings.TrimSpace(in.Tag), cmp.Or(in.Count, -1))
	if errors.Is(err, errNoMemory) && n == 0 {
		err = fmt.Errorf("there is no memory with the tag %q", in.Tag)
	} else if errors.Is(err, errNoMemory) {
		err = fmt.Errorf(`%s with the tag %q would be deleted; to do so, repeat this with "count": %d`, howMany(n), in.Tag, n)
	}
	return deleteResult{Deleted: n}, err
}

func missing(err error, id int64) error {
	if errors.Is(err, errNoMemory) {
		return fmt.Errorf("there is no memory with id %d", id)
	}
	return err
}

type fileArgs struct {
	File string `json:"file" about:"the whole path of the file: of a new one to export, of one that is there to import" path:"whole"`
}

type exportResult struct {
	File     string `json:"file"`
	Memories int64  `json:"memories"`
}

func (t tools) export(ctx context.Context, in fileArgs) (exportResult, error) {
	n, err := exportFile(in.File, func(w io.Writer) (int64, error) { return t.store.export(ctx, w) })
	if isLoss(err) {
		err = fmt.Errorf("exported %s to %s, but %w", howMany(n), in.File, err)
	}
	return exportResult{in.File, n}, err
}

func (t tools) load(ctx context.Context, in fileArgs) (imported, error) {
	f, size, err := openRegular(in.File)
	if err != nil {
		return imported{}, err
	}
	defer f.Close()
	return t.store.load(ctx, f, func(i imported) { reportProgress(ctx, i.bytes, size) })
}

// statusResult is what mem_status says.
type statusResult struct {
	Role     string         `json:"role" enum:"holder standby unrecorded" about:"the holder is the recorded server; a standby takes over when that goes; else the problem says why not"`
	PID      int            `json:"pid" about:"this server's process id"`
	Recorded recordedStatus `json:"recorded"`
	PIDFile  string         `json:"pid_file"`
	Store    storeStatus    `json:"store"`
	Version  string         `json:"version"`
	Problem  string         `json:"problem,omitempty" about:"what is wrong, if anything"`
}

type recordedStatus struct {
	State string `json:"state" enum:"held stale absent" about:"of the pid file"`
	PID   int    `json:"pid" about:"in the pid file, or 0 if not known"`
}

type storeStatus struct {
	Path     string `json:"path"`
	Exists   bool   `json:"exists"`
	Open     bool   `json:"open" about:"whether this server has it open"`
	Memories int64  `json:"memories"`
	Bytes    int64  `json:"bytes"`
}

func (t tools) status(ctx context.Context, _ struct{}) (statusResult, error) {
	role, path, problem := t.claim.role()
	var recorded lock.Status
	if problem == nil {
		recorded, problem = lock.Probe(path)
	}
	store, err := t.store.status(ctx)
	result := statusResult{Role: role, PID: os.Getpid(), PIDFile: path, Version: version(), Store: store,
		Recorded: recordedStatus{recorded.State.String(), recorded.PID}}
	if problem = errors.Join(problem, err, t.store.check()); problem != nil {
		result.Problem = explain(problem)
	}
	return result, nil
}
