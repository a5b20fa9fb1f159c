package main

import (
	"context"
	"reflect"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const instructions = `Long-term memory shared by all of this user's assistants.
Use mem_search before you ask for something the user may have said before, and
mem_add for facts, decisions and preferences that will matter later: one fact
per memory, worded so that it makes sense on its own. Tag what belongs to a
project with the project's name. mem_search finds memories with any of the
words and puts the best match first; its tag narrows it to one project. mem_get
returns more of a long one. Correct a memory that has changed with mem_update,
and delete one that is no longer true with mem_delete.`

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
		tool("mem_add", merges, t.add, "Add a memory",
			"Remembers a text. Returns its id once it is safely on disk. What is there already, with the same text and tags, is not added again."),
		tool("mem_update", deletes, t.update, "Update a memory",
			"Gives a memory another text, other tags, or both. It keeps its id and its time."),
		tool("mem_search", reads, t.search, "Search memories",
			"Finds memories with any of the words, or with words that have them as a part, the best match first. A phrase in double quotes must occur as it is."),
		tool("mem_list", reads, t.list, "List memories",
			"Lists memories, the newest first. Long texts are cut short."),
		tool("mem_get", reads, t.get, "Get a memory",
			"Returns one memory, a long one in parts."),
		tool("mem_delete", deletes, t.delete, "Delete memories",
			"Forgets one memory, or all with a tag, for good."),
		tool("mem_export", writes, t.export, "Export all memories",
			"Writes all memories to a new file, each as a line of JSON."),
		tool("mem_import", merges, t.load, "Import memories",
			"Adds the memories in a file that mem_export or @modelcontextprotocol/server-memory wrote. "+
				"Those that are there already, with the same text and tags, are not added again."),
		tool("mem_status", reads, t.status, "Memory status",
			"Says whether this server is the recorded one or a standby, where the memories are and how many."),
	)
}

// effect is what a tool does to the memories.
type effect int

const (
	reads effect = iota
	writes
	merges // writes, and repeated does nothing more
	deletes
)

// tool makes run a tool. Its arguments and its result are described as
// [object] does.
func tool[In, Out any](name string, e effect, run func(context.Context, In) (Out, error), title, description string) server.ServerTool {
	t := mcp.NewTool(name, mcp.WithToolTitle(title), mcp.WithDescription(description), mcp.WithToolAnnotation(mcp.ToolAnnotation{
		Title:           title, // and every hint: what is left out counts as destructive
		ReadOnlyHint:    new(e == reads),
		DestructiveHint: new(e == deletes),
		IdempotentHint:  new(e != writes),
		OpenWorldHint:   new(false),
	}))
	t.InputSchema = mcp.ToolInputSchema(object(reflect.TypeFor[In]()))
	t.InputSchema.AdditionalProperties = false
	t.OutputSchema = mcp.ToolOutputSchema(object(reflect.TypeFor[Out]()))
	handle := func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
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
