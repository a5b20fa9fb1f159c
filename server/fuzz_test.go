package main

// Whatever a host sends as a tool's arguments, or a person imports: no panic,
// no page that does not end, and what was acknowledged is there as it was given.
// Run 'go test -fuzz FuzzTools ./server' to look for more.

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func FuzzTools(f *testing.F) {
	for _, arguments := range []string{
		`{}`, `[]`, `null`, `{"text":"Ada likes tea","tags":["ada"]}`, `{"text":"\u0000\ud800"}`, `{"text":"a\"b' OR 1=1 --"}`,
		`{"query":"\"tea OR * NEAR("}`, `{"query":"a\u0000b","tag":"ada","limit":1}`, `{"tag":"%","limit":-1,"cursor":"9e9"}`,
		`{"cursor":"9223372036854775808"}`, `{"id":1}`, `{"id":1e3}`, `{"id":9223372036854775807}`, `{"id":"1"}`, `{"limit":null}`, `{"teXt":"x"}`,
		`{"id":"1","offset":-1,"length":"2.0"}`, `{"tag":" ADA ","since":"2026-01-31","until":"0000-01-01T00:00:00+23:59","cursor":"2026-01-31T00:00:00 5"}`,
		`{"tag":"ada","count":1}`, `{"id":1,"text":"","tags":[]}`, `{"query":"🚫 e-mail getUserName 数据库","limit":"1e1"}`,
	} {
		for tool := range byte(7) {
			f.Add(tool, []byte(arguments))
		}
	}
	names := []string{"mem_add", "mem_search", "mem_list", "mem_get", "mem_delete", "mem_status", "mem_update"}
	m := tested(f)
	f.Fuzz(func(t *testing.T, tool byte, arguments []byte) {
		var args any
		if json.Unmarshal(arguments, &args) != nil {
			return
		}
		name := names[int(tool)%len(names)]
		r, err := m.GetTool(name).Handler(t.Context(), mcp.CallToolRequest{Params: mcp.CallToolParams{Name: name, Arguments: args}})
		if err != nil {
			t.Fatal(err)
		}
		if r.IsError {
			if text := r.Content[0].(mcp.TextContent).Text; strings.Contains(text, "SQL") {
				t.Errorf("%s %s: %s", name, arguments, text)
			}
			return
		}
		if n := size(r.StructuredContent); n > 2*mostShown { // tags alone may have as much
			t.Errorf("%s %s: %d bytes", name, arguments, n)
		}
		if given, ok := r.StructuredContent.(view); ok && name == "mem_add" {
			got := getWhole(t, m, given.ID)
			want := args.(map[string]any)["text"]
			if got.Text != want || !slices.Equal(got.Tags, given.Tags) {
				t.Errorf("%q became %q, %q became %q", want, got.Text, given.Tags, got.Tags)
			}
		}
	})
}

// getWhole puts the parts of a memory together.
func getWhole(t *testing.T, m *server.MCPServer, id int64) (whole view) {
	for more := true; more; more = whole.NextOffset > 0 {
		var part view
		callTool(t, m, "mem_get", map[string]any{"id": id, "offset": whole.NextOffset}, &part)
		part.Text = whole.Text + part.Text
		whole = part
	}
	return whole
}

func FuzzImport(f *testing.F) {
	for _, lines := range []string{
		"", "{", `{"text":"x"}`, `{"text":"x","tags":["a","b"],"created":"2024-05-06T07:08:09Z"}` + "\n" + `{"text":"x","tags":["b","a"]}`,
		`{"type":"entity","name":"Ada","entityType":"person","observations":["likes tea"]}`,
		`{"type":"relation","from":"Ada","to":"Bob","relationType":"knows"}`, `{"type":5}`, `{"text":"\u0000"}`,
		`{"text":"y","created":"9999-12-31T23:59:59-23:59"}`, `{"text":"z","created":"0000-01-01T00:00:00+23:59"}`,
	} {
		f.Add([]byte(lines))
	}
	s := newStore(newPlace(f))
	f.Cleanup(func() { s.close() })
	f.Fuzz(func(t *testing.T, lines []byte) {
		ignore := func(imported) {}
		first, err := s.load(t.Context(), bytes.NewReader(lines), ignore)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.load(t.Context(), bytes.NewReader(lines), ignore)
		if err != nil || again.Added != 0 || again.Known != first.Added+first.Known || again.Refused != first.Refused {
			t.Errorf("first %+v, then %+v, %v", first, again, err)
		}
		var out bytes.Buffer
		if _, err := s.export(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		whole, err := s.load(t.Context(), &out, ignore)
		if err != nil || whole.Added != 0 || whole.Refused != 0 {
			t.Errorf("the export is not what is there: %+v, %v", whole, err)
		}
	})
}
