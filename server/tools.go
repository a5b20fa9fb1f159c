package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/memlatch/memlatch/lock"
)

// Bounds on arguments; lengths are in characters.
const (
	maxText   = 65536
	maxTags   = 16
	maxTag    = 64
	maxQuery  = 1000
	maxFound  = 100
	maxListed = 200
	// maxPage bounds the text of one page of mem_list, in bytes: a host puts
	// it into its model's context.
	maxPage = 256 << 10
)

const instructions = `Long-term memory shared by all of this user's assistants.
Use mem_search before you ask for something the user may have said before, and
mem_add for facts, decisions and preferences that will matter later: one fact
per memory, worded so that it makes sense on its own. mem_search finds memories
with any of the words and puts the best match first; mem_get returns one whole.
Delete a memory that is no longer true with mem_delete.`

// newServer returns the MCP server of one host.
func newServer(p place, c *claim, s *store) *server.MCPServer {
	m := server.NewMCPServer("memlatch", version(),
		server.WithTitle("Memlatch"),
		server.WithInstructions(instructions),
		server.WithToolCapabilities(false),
		server.WithRecovery(),
	)
	t := tools{claim: c, store: s}
	tag := mcp.WithString("tag", mcp.Description("only memories with this tag"), mcp.MaxLength(maxTag))
	id := mcp.WithInteger("id", mcp.Required(), mcp.Min(1), mcp.Description("the memory's id"))
	m.AddTools(
		tool("mem_add", "Add a memory", "Remembers a text. Returns it with its id once it is safely on disk.", writes, t.add,
			mcp.WithString("text", mcp.Required(), mcp.MinLength(1), mcp.MaxLength(maxText),
				mcp.Description("what to remember, worded to make sense on its own")),
			mcp.WithArray("tags", mcp.WithStringItems(mcp.MinLength(1), mcp.MaxLength(maxTag)), mcp.MaxItems(maxTags),
				mcp.Description("words to find it by, such as a project's name"))),
		tool("mem_search", "Search memories", "Finds memories with any of the words, the best match first. A phrase in double quotes must occur as it is.", reads, t.search,
			mcp.WithString("query", mcp.Required(), mcp.MinLength(1), mcp.MaxLength(maxQuery), mcp.Description("words and \"phrases\"")),
			tag,
			mcp.WithInteger("limit", mcp.Min(1), mcp.Max(maxFound), mcp.DefaultNumber(10), mcp.Description("how many at most"))),
		tool("mem_list", "List memories", "Lists memories, the newest first.", reads, t.list,
			tag,
			mcp.WithInteger("limit", mcp.Min(1), mcp.Max(maxListed), mcp.DefaultNumber(50), mcp.Description("how many at most")),
			mcp.WithString("cursor", mcp.Description("next_cursor of the page before"))),
		tool("mem_get", "Get a memory", "Returns one memory whole.", reads, t.get, id),
		tool("mem_delete", "Delete a memory", "Forgets one memory for good.", deletes, t.delete, id),
		tool("mem_status", "Memory status", "Says whether this server is the recorded one or a standby, and where the memories are and how many.", reads, t.status),
	)
	return m
}

// effect is what a tool does to the memories.
type effect int

const (
	reads effect = iota
	writes
	deletes
)

// tool describes a tool that run implements, with every hint said: what is
// left out counts as destructive.
func tool[In, Out any](name, title, description string, does effect, run func(context.Context, In) (Out, error), arguments ...mcp.ToolOption) server.ServerTool {
	yes, no := true, false
	hints := mcp.ToolAnnotation{Title: title, ReadOnlyHint: &no, DestructiveHint: &no, IdempotentHint: &no, OpenWorldHint: &no}
	switch does {
	case reads:
		hints.ReadOnlyHint, hints.IdempotentHint = &yes, &yes
	case deletes:
		hints.DestructiveHint, hints.IdempotentHint = &yes, &yes
	}
	options := append(arguments,
		mcp.WithDescription(description),
		mcp.WithToolTitle(title),
		mcp.WithToolAnnotation(hints),
		mcp.WithSchemaAdditionalProperties(false),
		mcp.WithOutputSchema[Out](),
	)
	handle := func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var in In
		err := decode(r.GetRawArguments(), &in)
		if err == nil {
			var out Out
			if out, err = run(ctx, in); err == nil {
				return mcp.NewToolResultStructuredOnly(out), nil
			}
		}
		return mcp.NewToolResultError(explain(err)), nil
	}
	return server.ServerTool{Tool: mcp.NewTool(name, options...), Handler: handle}
}

// decode reads a tool's arguments into the struct that args points to. Its
// errors tell a model what to change.
func decode(raw any, args any) error {
	if raw == nil {
		return nil
	}
	encoded, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.DisallowUnknownFields()
	err = d.Decode(args)
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return fmt.Errorf("arguments must be an object, not a %s", mismatch.Value)
	case errors.As(err, &mismatch):
		return fmt.Errorf("%q must be %s, not %s", mismatch.Field, jsonType(mismatch.Type), mismatch.Value)
	case err != nil:
		return errors.New(strings.Replace(strings.TrimPrefix(err.Error(), "json: "), "unknown field", "there is no argument", 1))
	}
	return nil
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "an array"
	case reflect.String:
		return "a string"
	default:
		return "a whole number"
	}
}

// explain is err as a model should read it, with the remedy if there is one.
func explain(err error) string {
	var p *problem
	if errors.As(err, &p) && p.hint != "" {
		return err.Error() + "; to mend it: " + p.hint
	}
	return err.Error()
}

// checkLength requires between 1 and most characters other than white space
// alone.
func checkLength(argument, value string, most int) error {
	switch n := utf8.RuneCountInString(value); {
	case strings.TrimSpace(value) == "":
		return fmt.Errorf("%q is missing or empty", argument)
	case n > most:
		return fmt.Errorf("%q has %d characters, and %d are the most", argument, n, most)
	}
	return nil
}

func checkTag(tag string) error {
	if tag == "" {
		return nil
	}
	return checkLength("tag", tag, maxTag)
}

// checkLimit returns limit, or standard where it was not given.
func checkLimit(limit *int, standard, most int) (int, error) {
	switch {
	case limit == nil:
		return standard, nil
	case *limit < 1 || *limit > most:
		return 0, fmt.Errorf(`"limit" is %d, and must be from 1 to %d`, *limit, most)
	}
	return *limit, nil
}

// tools are the tools' implementations.
type tools struct {
	claim *claim
	store *store
}

type addArgs struct {
	Text string   `json:"text"`
	Tags []string `json:"tags"`
}

func (t tools) add(ctx context.Context, in addArgs) (Memory, error) {
	if err := checkLength("text", in.Text, maxText); err != nil {
		return Memory{}, err
	}
	if len(in.Tags) > maxTags {
		return Memory{}, fmt.Errorf(`"tags" has %d items, and %d are the most`, len(in.Tags), maxTags)
	}
	for i, tag := range in.Tags {
		if err := checkLength("tags["+strconv.Itoa(i)+"]", tag, maxTag); err != nil {
			return Memory{}, err
		}
	}
	return t.store.add(ctx, in.Text, in.Tags)
}

type searchArgs struct {
	Query string `json:"query"`
	Tag   string `json:"tag"`
	Limit *int   `json:"limit"`
}

type searchResult struct {
	Memories []Found `json:"memories"`
}

func (t tools) search(ctx context.Context, in searchArgs) (searchResult, error) {
	limit, err := checkLimit(in.Limit, 10, maxFound)
	err = errors.Join(err, checkLength("query", in.Query, maxQuery), checkTag(in.Tag))
	if err == nil && matchAny(in.Query) == "" {
		err = errors.New(`"query" has no words`)
	}
	if err != nil {
		return searchResult{}, err
	}
	found, err := t.store.search(ctx, in.Query, in.Tag, limit)
	return searchResult{append([]Found{}, found...)}, err
}

type listArgs struct {
	Tag    string `json:"tag"`
	Limit  *int   `json:"limit"`
	Cursor string `json:"cursor"`
}

type listResult struct {
	Memories   []Memory `json:"memories"`
	NextCursor string   `json:"next_cursor,omitempty" jsonschema:"given when there are more"`
}

func (t tools) list(ctx context.Context, in listArgs) (listResult, error) {
	limit, err := checkLimit(in.Limit, 50, maxListed)
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
	result := listResult{Memories: append([]Memory{}, memories[:n]...)}
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

func (t tools) get(ctx context.Context, in idArgs) (Memory, error) {
	if err := in.check(); err != nil {
		return Memory{}, err
	}
	m, err := t.store.get(ctx, in.ID)
	return m, missing(err, in.ID)
}

type deleteResult struct {
	ID int64 `json:"id" jsonschema:"the id of what is gone"`
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

type noArgs struct{}

// statusResult is what mem_status says.
type statusResult struct {
	Role     string         `json:"role" jsonschema:"holder: this server is the recorded one; standby: it takes over when that goes"`
	PID      int            `json:"pid" jsonschema:"this server's process id"`
	Recorded recordedStatus `json:"recorded"`
	PIDFile  string         `json:"pid_file"`
	Store    storeStatus    `json:"store"`
	Version  string         `json:"version"`
	Problem  string         `json:"problem,omitempty" jsonschema:"what is wrong, if anything"`
}

type recordedStatus struct {
	State string `json:"state" jsonschema:"of the pid file: held, stale or absent"`
	PID   int    `json:"pid" jsonschema:"the recorded server's process id; 0 if not known"`
}

type storeStatus struct {
	Path     string `json:"path"`
	Exists   bool   `json:"exists"`
	Open     bool   `json:"open" jsonschema:"whether this server has it open"`
	Memories int64  `json:"memories"`
	Bytes    int64  `json:"bytes"`
}

func (t tools) status(ctx context.Context, _ noArgs) (statusResult, error) {
	result := statusResult{Role: "standby", PID: os.Getpid(), PIDFile: t.claim.path, Version: version()}
	holder, problem := t.claim.holder()
	if holder {
		result.Role = "holder"
	}
	recorded, err := lock.Probe(t.claim.path)
	problem = errors.Join(problem, err)
	result.Recorded = recordedStatus{recorded.State.String(), recorded.PID}
	result.Store, err = t.store.status(ctx)
	if problem = errors.Join(problem, err); problem != nil {
		result.Problem = explain(problem)
	}
	return result, nil
}
