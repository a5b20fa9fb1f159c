package main

// What a tool returns is what its schema says, and no page of memories is too
// much for a host.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// newPlace makes a place of t's own the one that find finds.
func newPlace(t testing.TB) place {
	t.Helper()
	for _, variable := range environment(t.TempDir()) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	p, err := find()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tested returns a server with a claim and a store of its own.
func tested(t testing.TB) *server.MCPServer {
	t.Helper()
	p := newPlace(t)
	c, s := &claim{log: log.New(io.Discard, "", 0)}, newStore(p)
	if c.start(p); c.err != nil {
		t.Fatal(c.err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		c.release()
	})
	m := server.NewMCPServer("test", "1")
	tools{c, s}.offer(m)
	return m
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
	file := map[string]any{"file": filepath.Join(t.TempDir(), "memories.jsonl")}
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
		{"mem_search", map[string]any{"query": "tw", "limit": "1"}},
		{"mem_get", map[string]any{"id": 1}},
		{"mem_get", map[string]any{"id": 1, "length": 1}},
		{"mem_update", map[string]any{"id": 1, "text": "three"}},
		{"mem_add", map[string]any{"text": "three"}},
		{"mem_delete", map[string]any{"tag": "a", "count": 1}},
		{"mem_export", file},
		{"mem_delete", map[string]any{"id": 1}},
		{"mem_import", file},
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

func TestFilesAreNamedWhole(t *testing.T) {
	m := tested(t)
	for _, tool := range []string{"mem_export", "mem_import"} {
		for _, file := range []string{"", "memories.jsonl", "~/memories.jsonl", t.TempDir()} {
			r, err := m.GetTool(tool).Handler(t.Context(), mcp.CallToolRequest{Params: mcp.CallToolParams{Arguments: map[string]any{"file": file}}})
			if err != nil || !r.IsError {
				t.Errorf("%s %q: %v, %+v", tool, file, err, r)
			}
		}
	}
}

func TestImportTellsItsProgress(t *testing.T) {
	m := tested(t)
	var lines strings.Builder
	for n := range 3*importBatch - 1 {
		fmt.Fprintf(&lines, `{"text":"number %d"}`+"\n", n)
	}
	file := filepath.Join(t.TempDir(), "memories.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	in, host := io.Pipe()
	output, out := io.Pipe()
	go func() {
		converse(t.Context(), m, in, out)
		out.Close()
	}()
	go io.WriteString(host, requestLine(1, "initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}`)+
		requestLine(2, "tools/call", fmt.Sprintf(`{"name":"mem_import","arguments":{"file":%q},"_meta":{"progressToken":9007199254740993}}`, file)))
	var progress []float64
	answers := bufio.NewScanner(output)
	for answers.Scan() {
		var n struct {
			ID     int
			Method string
			Params struct {
				ProgressToken   json.Number
				Progress, Total float64
			}
		}
		if err := json.Unmarshal(answers.Bytes(), &n); err != nil {
			t.Fatal(err)
		}
		switch {
		case n.Method == "notifications/progress" && n.Params.ProgressToken == "9007199254740993" && n.Params.Total == float64(lines.Len()):
			progress = append(progress, n.Params.Progress)
		case n.ID == 2:
			host.Close()
			if len(progress) != 3 {
				t.Errorf("answered after progress %v: %s", progress, answers.Bytes())
			}
		}
	}
	if len(progress) != 3 || !slices.IsSorted(progress) || progress[2] != float64(lines.Len()) {
		t.Errorf("progress %v to %d", progress, lines.Len())
	}
}

func TestStoppedCallsSaySo(t *testing.T) {
	m := tested(t)
	callTool(t, m, "mem_add", map[string]any{"text": "one"}, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStopping)
	for tool, args := range map[string]map[string]any{"mem_add": {"text": "two"}, "mem_search": {"query": "one"}} {
		r, err := m.GetTool(tool).Handler(ctx, mcp.CallToolRequest{Params: mcp.CallToolParams{Arguments: args}})
		if err != nil || !r.IsError || r.Content[0].(mcp.TextContent).Text != explain(errStopping) {
			t.Errorf("%s: %v, %+v", tool, err, r)
		}
	}
}

func TestLongSearchCanBeCancelled(t *testing.T) {
	m := tested(t)
	var words strings.Builder
	for n := range 250 {
		fmt.Fprintf(&words, "%x ", n)
	}
	var lines strings.Builder
	for n := range 1000 {
		fmt.Fprintf(&lines, `{"text":"%d: %s"}`+"\n", n, words.String())
	}
	file := filepath.Join(t.TempDir(), "memories.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	callTool(t, m, "mem_import", map[string]any{"file": file}, nil)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errCancelled)
	defer cancel()
	began := time.Now()
	r, err := m.GetTool("mem_search").Handler(ctx, mcp.CallToolRequest{Params: mcp.CallToolParams{Arguments: map[string]any{"query": words.String()}}})
	t.Logf("took %v", time.Since(began))
	if err != nil || !r.IsError || r.Content[0].(mcp.TextContent).Text != errCancelled.Error() {
		t.Errorf("%v, %+v", err, r)
	}
}

// mostShown is what hosts show whole of a result, in bytes.
const mostShown = 10_000

func TestPagesAreBoundedAndComplete(t *testing.T) {
	for name, text := range map[string]string{
		"one word": strings.Repeat("x", 20_000), "words": strings.Repeat("tea & cake ", 900), "signs": strings.Repeat("<\x01\"\n", 2000),
		"three bytes a character": strings.Repeat("茶", 8000), "short": "tea",
	} {
		t.Run(name, func(t *testing.T) {
			m := tested(t)
			const n = 60
			var tags []string
			for i := range 16 {
				tags = append(tags, fmt.Sprint("tag number ", i))
			}
			for i := range n {
				callTool(t, m, "mem_add", map[string]any{"text": fmt.Sprint(text, i), "tags": tags}, nil)
			}
			bounded := func(tool string, args map[string]any, result any) {
				t.Helper()
				callTool(t, m, tool, args, result)
				if n := size(result); n > mostShown {
					t.Errorf("%s: a page has %d bytes", tool, n)
				}
			}
			seen, cursor := map[int64]bool{}, ""
			for more := true; more; more = cursor != "" {
				var page listResult
				bounded("mem_list", map[string]any{"cursor": cursor, "limit": 200}, &page)
				for _, v := range page.Memories {
					if long := len(text) > maxShown; long != (v.Length > 0) || long && v.Length < len([]rune(text)) {
						t.Errorf("%d of %d bytes are said to be a part of %d characters", len(v.Text), len(text), v.Length)
					}
					seen[v.ID] = true
				}
				cursor = page.NextCursor
			}
			if len(seen) != n {
				t.Errorf("%d memories of %d", len(seen), n)
			}
			var found searchResult
			bounded("mem_search", map[string]any{"query": `"tag number"`, "limit": 100}, &found)
			if len(found.Memories)+found.LeftOut != n {
				t.Errorf("%d found and %d left out of %d", len(found.Memories), found.LeftOut, n)
			}
			whole, offset := "", 0
			for more := true; more; more = offset > 0 {
				var part view
				bounded("mem_get", map[string]any{"id": 1, "offset": offset}, &part)
				whole, offset = whole+part.Text, part.NextOffset
			}
			if whole != text+"0" {
				t.Errorf("the parts are not the whole: %d bytes of %d", len(whole), len(text)+1)
			}
		})
	}
}

func TestPartsOfAText(t *testing.T) {
	m := tested(t)
	callTool(t, m, "mem_add", map[string]any{"text": "Ada 喝茶 and eats"}, nil)
	for _, c := range []struct {
		offset, length int
		want           view
	}{
		{0, 0, view{Text: "Ada 喝茶 and eats"}},
		{4, 2, view{Text: "喝茶", NextOffset: 6, Length: 15}},
		{11, 0, view{Text: "eats", Length: 15}},
		{11, 1<<63 - 1, view{Text: "eats", Length: 15}},
		{1000, 5, view{}},
		{-4, 3, view{Text: "Ada", NextOffset: 3, Length: 15}},
	} {
		args := map[string]any{"id": 1, "offset": c.offset}
		if c.length > 0 {
			args["length"] = c.length
		}
		var got view
		callTool(t, m, "mem_get", args, &got)
		if got.Text != c.want.Text || got.NextOffset != c.want.NextOffset || got.Length != c.want.Length {
			t.Errorf("%v: %+v, want %+v", args, got, c.want)
		}
	}
}

func TestResourcesArePaged(t *testing.T) {
	s := newStore(newPlace(t))
	defer s.close()
	m := newServer(&claim{}, s)
	const n = listedResources + 1
	for i := range n {
		if _, _, err := add(t.Context(), s, memory{Text: strconv.Itoa(i), Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(method, params string, out any) {
		t.Helper()
		answer, err := json.Marshal(m.HandleMessage(t.Context(), []byte(requestLine(1, method, params))))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(answer, &struct{ Result any }{out}); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
	}
	seen, cursor := map[string]bool{}, ""
	for page, want := range []int{listedResources, 1} {
		var got struct {
			Resources  []struct{ URI string }
			NextCursor string
		}
		ask("resources/list", fmt.Sprintf(`{"cursor":%q}`, cursor), &got)
		if len(got.Resources) != want || (got.NextCursor == "") != (page == 1) {
			t.Errorf("page %d has %d resources, and the next cursor is %q", page, len(got.Resources), got.NextCursor)
		}
		for _, r := range got.Resources {
			seen[r.URI] = true
		}
		cursor = got.NextCursor
	}
	if len(seen) != n {
		t.Errorf("%d resources of %d", len(seen), n)
	}
	for begun, want := range map[string]int{"": maxCompletions, "10": 3} { // 10, 100, 101
		var got struct {
			Completion struct {
				Values  []string
				HasMore bool
			}
		}
		ask("completion/complete", fmt.Sprintf(`{"ref":{"type":"ref/resource","uri":"memory://{id}"},"argument":{"name":"id","value":%q}}`, begun), &got)
		if c := got.Completion; len(c.Values) != want || c.HasMore != (begun == "") {
			t.Errorf("%q is completed to %d values, more: %t", begun, len(c.Values), c.HasMore)
		}
	}
}
