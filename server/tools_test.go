package main

// What a tool returns is what its schema says, and no page of memories is too
// much for a host.

import (
	"encoding/json"
	"io"
	"log"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// tested returns a server with a claim and a store of its own.
func tested(t *testing.T) *server.MCPServer {
	t.Helper()
	for _, variable := range environment(t.TempDir()) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	p, err := find()
	if err != nil {
		t.Fatal(err)
	}
	c, s := &claim{log: log.New(io.Discard, "", 0)}, newStore(p)
	if err := c.start(p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		c.release()
	})
	return newServer(c, s)
}

// callTool calls a tool, and decodes its result if that is not nil.
func callTool(t *testing.T, m *server.MCPServer, tool string, args map[string]any, result any) {
	t.Helper()
	r, err := m.GetTool(tool).Handler(t.Context(), mcp.CallToolRequest{Params: mcp.CallToolParams{Name: tool, Arguments: args}})
	if err != nil || r.IsError {
		t.Fatalf("%s: %v, %+v", tool, err, r)
	}
	encoded, err := json.Marshal(r.StructuredContent)
	if err == nil && result != nil {
		err = json.Unmarshal(encoded, result)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestResultsMatchTheirSchemas(t *testing.T) {
	m := tested(t)
	for _, call := range []struct {
		tool string
		args map[string]any
	}{
		{"mem_status", nil},
		{"mem_list", nil},
		{"mem_add", map[string]any{"text": "one"}},
		{"mem_add", map[string]any{"text": "two", "tags": []string{"a", "b"}}},
		{"mem_list", map[string]any{"limit": 1}},
		{"mem_search", map[string]any{"query": "two"}},
		{"mem_get", map[string]any{"id": 1}},
		{"mem_delete", map[string]any{"id": 1}},
		{"mem_status", nil},
	} {
		var result any
		callTool(t, m, call.tool, call.args, &result)
		encoded, err := json.Marshal(m.GetTool(call.tool).Tool.OutputSchema)
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(encoded, &schema); err != nil {
			t.Fatal(err)
		}
		matches(t, call.tool, schema, result)
	}
}

// matches reports where value is not what schema describes. Unlike JSON
// Schema it does not allow for members that are not described.
func matches(t *testing.T, path string, schema map[string]any, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := value[name.(string)]; !ok {
				t.Errorf("%s: %s is missing", path, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			property, ok := properties[name].(map[string]any)
			if !ok {
				t.Errorf("%s: %s is not in the schema", path, name)
				continue
			}
			matches(t, path+"."+name, property, value[name])
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for _, item := range value {
			matches(t, path+"[]", items, item)
		}
	}
	want := map[string]bool{}
	switch value.(type) {
	case map[string]any:
		want["object"] = true
	case []any:
		want["array"] = true
	case string:
		want["string"] = true
	case bool:
		want["boolean"] = true
	case float64:
		want["integer"], want["number"] = true, true
	}
	if kind, _ := schema["type"].(string); !want[kind] {
		t.Errorf("%s: %v is no %q", path, value, kind)
	}
}

func TestPagesAreBoundedAndComplete(t *testing.T) {
	m := tested(t)
	const n = 9
	text := strings.Repeat("x", maxText-1)
	for range n {
		callTool(t, m, "mem_add", map[string]any{"text": text}, nil)
	}
	seen, pages, cursor := map[int64]bool{}, 0, ""
	for more := true; more; more = cursor != "" {
		var page listResult
		callTool(t, m, "mem_list", map[string]any{"cursor": cursor}, &page)
		size := 0
		for _, memory := range page.Memories {
			seen[memory.ID] = true
			size += len(memory.Text)
		}
		if size > maxPage {
			t.Errorf("a page has %d bytes of text", size)
		}
		pages, cursor = pages+1, page.NextCursor
	}
	if len(seen) != n || pages < 3 {
		t.Errorf("%d memories of %d on %d pages", len(seen), n, pages)
	}
}
