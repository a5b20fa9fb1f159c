package main

import (
	"context"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Bounds on arguments; lengths are in characters.
const (
	maxText   = 65536
	maxTags   = 16
	maxTag    = 64
	maxQuery  = 1000
	maxFound  = 100
	maxListed = 200
)

// Limits where none is given.
const (
	usuallyFound  = 10
	usuallyListed = 50
)

const instructions = `Long-term memory shared by all of this user's assistants.
Use mem_search before you ask for something the user may have said before, and
mem_add for facts, decisions and preferences that will matter later: one fact
per memory, worded so that it makes sense on its own. mem_search finds memories
with any of the words and puts the best match first; mem_get returns one whole.
Delete a memory that is no longer true with mem_delete.`

// newServer returns the MCP server of one host. Many hosts start servers only
// to look at them: what it takes to describe the tools, a twentieth of a start,
// is for those that ask for more than initialize.
func newServer(c *claim, s *store) *server.MCPServer {
	t := tools{claim: c, store: s}
	hooks := &server.Hooks{OnAfterListResources: []server.OnAfterListResourcesFunc{t.listResources}}
	m := server.NewMCPServer("memlatch", version(),
		server.WithTitle("Memlatch"),
		server.WithInstructions(instructions),
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(false, false),
		server.WithCompletions(),
		server.WithResourceCompletionProvider(t),
		server.WithLogging(),
		server.WithHooks(hooks),
	)
	offer := sync.OnceFunc(func() { t.offer(m) })
	hooks.AddBeforeAny(func(_ context.Context, _ any, method mcp.MCPMethod, _ any) {
		if method != mcp.MethodInitialize {
			offer()
		}
	})
	return m
}

// offer adds to m all that it has.
func (t tools) offer(m *server.MCPServer) {
	m.AddResourceTemplates(t.resourceTemplate())
	m.AddTools(
		addTool(t),
		searchTool(t),
		listTool(t),
		getTool(t),
		deleteTool(t),
		exportTool(t),
		importTool(t),
		statusTool(t),
	)
}

func addTool(t tools) server.ServerTool {
	return tool("mem_add", writes, t.add, about{
		title:       "Add a memory",
		description: "Remembers a text. Returns it with its id once it is safely on disk.",
		takes: fields{
			mcp.WithString("text", mcp.Required(), mcp.MinLength(1), mcp.MaxLength(maxText),
				mcp.Description("what to remember, worded to make sense on its own")),
			mcp.WithArray("tags", mcp.WithStringItems(mcp.MinLength(1), mcp.MaxLength(maxTag)), mcp.MaxItems(maxTags),
				mcp.Description("words to find it by, such as a project's name")),
		},
		returns: memoryFields("text"),
	})
}

func searchTool(t tools) server.ServerTool {
	return tool("mem_search", reads, t.search, about{
		title:       "Search memories",
		description: "Finds memories with any of the words, the best match first. A phrase in double quotes must occur as it is.",
		takes: fields{
			mcp.WithString("query", mcp.Required(), mcp.MinLength(1), mcp.MaxLength(maxQuery),
				mcp.Description(`words and "phrases"`)),
			tagArgument(),
			limitArgument(usuallyFound, maxFound),
		},
		returns: fields{
			mcp.WithArray("memories", mcp.Required(), mcp.Items(memoryFields("snippet").object())),
		},
	})
}

func listTool(t tools) server.ServerTool {
	return tool("mem_list", reads, t.list, about{
		title:       "List memories",
		description: "Lists memories, the newest first.",
		takes: fields{
			tagArgument(),
			limitArgument(usuallyListed, maxListed),
			mcp.WithString("cursor", mcp.Description("next_cursor of the page before")),
		},
		returns: fields{
			mcp.WithArray("memories", mcp.Required(), mcp.Items(memoryFields("text").object())),
			mcp.WithString("next_cursor", mcp.Description("given when there are more")),
		},
	})
}

func getTool(t tools) server.ServerTool {
	return tool("mem_get", reads, t.get, about{
		title:       "Get a memory",
		description: "Returns one memory whole.",
		takes:       fields{idField()},
		returns:     memoryFields("text"),
	})
}

func deleteTool(t tools) server.ServerTool {
	return tool("mem_delete", deletes, t.delete, about{
		title:       "Delete a memory",
		description: "Forgets one memory for good.",
		takes:       fields{idField()},
		returns:     fields{idField()},
	})
}

func exportTool(t tools) server.ServerTool {
	return tool("mem_export", writes, t.export, about{
		title:       "Export all memories",
		description: "Writes all memories to a new file, each as a line of JSON.",
		takes:       fields{fileArgument("the whole path of a file that does not exist yet")},
		returns: fields{
			mcp.WithString("file", mcp.Required()),
			mcp.WithInteger("memories", mcp.Required()),
		},
	})
}

func importTool(t tools) server.ServerTool {
	return tool("mem_import", merges, t.load, about{
		title: "Import memories",
		description: "Adds the memories in a file that mem_export or @modelcontextprotocol/server-memory wrote. " +
			"Those that are there already, with the same text and tags, are not added again.",
		takes: fields{fileArgument("the whole path of the file")},
		returns: fields{
			mcp.WithInteger("added", mcp.Required()),
			mcp.WithInteger("known", mcp.Required(), mcp.Description("memories that were there already")),
			mcp.WithInteger("refused", mcp.Required(), mcp.Description("lines that are no memories")),
			mcp.WithArray("refusals", mcp.Required(), mcp.Description("the first of them"), mcp.Items(fields{
				mcp.WithInteger("line", mcp.Required()),
				mcp.WithString("problem", mcp.Required()),
			}.object())),
		},
	})
}

func statusTool(t tools) server.ServerTool {
	return tool("mem_status", reads, t.status, about{
		title:       "Memory status",
		description: "Says whether this server is the recorded one or a standby, where the memories are and how many.",
		returns: fields{
			mcp.WithString("role", mcp.Required(), mcp.Enum("holder", "standby"),
				mcp.Description("the holder is the recorded server; a standby takes over when that goes")),
			mcp.WithInteger("pid", mcp.Required(), mcp.Description("this server's process id")),
			mcp.WithObject("recorded", mcp.Required(), fields{
				mcp.WithString("state", mcp.Required(), mcp.Enum("held", "stale", "absent"), mcp.Description("of the pid file")),
				mcp.WithInteger("pid", mcp.Required(), mcp.Description("in the pid file, or 0 if not known")),
			}.nested()),
			mcp.WithString("pid_file", mcp.Required()),
			mcp.WithObject("store", mcp.Required(), fields{
				mcp.WithString("path", mcp.Required()),
				mcp.WithBoolean("exists", mcp.Required()),
				mcp.WithBoolean("open", mcp.Required(), mcp.Description("whether this server has it open")),
				mcp.WithInteger("memories", mcp.Required()),
				mcp.WithInteger("bytes", mcp.Required()),
			}.nested()),
			mcp.WithString("version", mcp.Required()),
			mcp.WithString("problem", mcp.Description("what is wrong, if anything")),
		},
	})
}

func tagArgument() mcp.ToolOption {
	return mcp.WithString("tag", mcp.MaxLength(maxTag), mcp.Description("only memories with this tag"))
}

func limitArgument(usual, most int) mcp.ToolOption {
	return mcp.WithInteger("limit", mcp.Min(1), mcp.Max(most), mcp.DefaultNumber(usual), mcp.Description("how many at most"))
}

func fileArgument(description string) mcp.ToolOption {
	return mcp.WithString("file", mcp.Required(), mcp.Description(description))
}

func idField() mcp.ToolOption {
	return mcp.WithInteger("id", mcp.Required(), mcp.Min(1), mcp.Description("the memory's id"))
}

// memoryFields are those of a memory whose text is called what.
func memoryFields(what string) fields {
	return fields{
		idField(),
		mcp.WithString(what, mcp.Required()),
		mcp.WithArray("tags", mcp.Required(), mcp.WithStringItems()),
		mcp.WithString("created", mcp.Required(), mcp.Description("RFC 3339, UTC")),
	}
}

// fields describe the members of an object, be it arguments or a result.
// Results are described by hand: deriving that from Go types would cost every
// start half a millisecond.
type fields []mcp.ToolOption

func (f fields) object() mcp.ToolArgumentsSchema {
	return mcp.ToolArgumentsSchema(mcp.NewTool("", f...).InputSchema)
}

func (f fields) nested() mcp.PropertyOption {
	o := f.object()
	return func(schema map[string]any) {
		schema["properties"], schema["required"] = o.Properties, o.Required
	}
}

// effect is what a tool does to the memories.
type effect int

const (
	reads effect = iota
	writes
	merges // writes, and repeated does nothing more
	deletes
)

// hints says every hint: what is left out counts as destructive.
func (e effect) hints(title string) mcp.ToolAnnotation {
	readOnly, destructive, idempotent, openWorld := e == reads, e == deletes, e != writes, false
	return mcp.ToolAnnotation{
		Title:           title,
		ReadOnlyHint:    &readOnly,
		DestructiveHint: &destructive,
		IdempotentHint:  &idempotent,
		OpenWorldHint:   &openWorld,
	}
}

// about is what a host is told about a tool.
type about struct {
	title, description string
	takes, returns     fields
}

// tool makes run a tool.
func tool[In, Out any](name string, e effect, run func(context.Context, In) (Out, error), a about) server.ServerTool {
	t := mcp.NewTool(name, append(a.takes,
		mcp.WithToolTitle(a.title),
		mcp.WithDescription(a.description),
		mcp.WithToolAnnotation(e.hints(a.title)),
		mcp.WithSchemaAdditionalProperties(false),
	)...)
	t.OutputSchema = mcp.ToolOutputSchema(a.returns.object())
	handle := func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if r.Params.Meta != nil {
			ctx = context.WithValue(ctx, progressKey{}, r.Params.Meta.ProgressToken)
		}
		var in In
		if err := decode(r.GetRawArguments(), &in); err != nil {
			return mcp.NewToolResultError(explain(err)), nil
		}
		out, err := run(ctx, in)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return mcp.NewToolResultError(explain(err)), nil
		}
		return mcp.NewToolResultStructuredOnly(out), nil
	}
	return server.ServerTool{Tool: t, Handler: handle}
}
