package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/ci/host"
)

// offer is what a server says it can do.
type offer struct {
	Capabilities host.Capabilities
	Tools        []tool // those that write first and those that delete last
}

type tool struct {
	Name        string
	InputSchema schema
	Annotations struct{ ReadOnlyHint, DestructiveHint bool }
}

// schema is as much of JSON Schema as [schema.sample] understands.
type schema struct {
	Type       any
	Properties map[string]schema
	Required   []string
	Items      *schema
	MinItems   int
	MinLength  int
	Minimum    *float64
	Enum       []any
	Examples   []any
	Default    any
}

func (o offer) String() string {
	names := make([]string, len(o.Tools))
	for i, t := range o.Tools {
		names[i] = t.Name
	}
	return fmt.Sprintf("capabilities: %s\ntools: %s",
		strings.Join(slices.Sorted(maps.Keys(o.Capabilities)), ", "), strings.Join(names, ", "))
}

func (o offer) has(capability string) bool {
	_, ok := o.Capabilities[capability]
	return ok || capability == ""
}

// discover asks server what it offers.
func discover(ctx context.Context, h home, server string) (offer, error) {
	s, err := host.Start(h.server(ctx, server))
	if err != nil {
		return offer{}, err
	}
	o, err := ask(ctx, s)
	if err = errors.Join(err, s.Close(ctx)); err == nil && len(o.Tools) == 0 {
		err = errors.New("the server has no tools")
	}
	slices.SortStableFunc(o.Tools, func(a, b tool) int { return cmp.Compare(a.rank(), b.rank()) })
	return o, err
}

func ask(ctx context.Context, s *host.Session) (o offer, err error) {
	if o.Capabilities, err = s.Initialize(ctx); err != nil {
		return o, err
	}
	params := map[string]any{}
	for {
		var page struct {
			Tools      []tool
			NextCursor string
		}
		if err := s.Request(ctx, "tools/list", params, &page); err != nil {
			return o, err
		}
		o.Tools = append(o.Tools, page.Tools...)
		if page.NextCursor == "" {
			return o, nil
		}
		params["cursor"] = page.NextCursor
	}
}

func (t tool) rank() int {
	switch {
	case t.Annotations.DestructiveHint && len(t.InputSchema.Required) == 0: // it may take away what others need
		return 3
	case t.Annotations.DestructiveHint:
		return 2
	case t.Annotations.ReadOnlyHint:
		return 1
	}
	return 0
}

// arguments are such that t should succeed where there is one memory, and, if
// it reads a file of h, after one that writes it.
func (t tool) arguments(h home) map[string]any {
	arguments, _ := t.InputSchema.sample().(map[string]any)
	if _, ok := arguments["file"]; ok {
		arguments["file"] = filepath.Join(string(h), "memories.jsonl")
	}
	return arguments
}

// wrong is what no tool should accept.
var wrong = map[string]any{"no_such_argument": true}

// sample returns the first example of s, or else the least that satisfies it. Of
// what an object may leave out it has that of which there is an example.
func (s schema) sample() any {
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Default != nil:
		return s.Default
	}
	switch s.Type {
	case "object":
		object := map[string]any{}
		for name, p := range s.Properties {
			if len(p.Examples) > 0 || slices.Contains(s.Required, name) {
				object[name] = p.sample()
			}
		}
		return object
	case "array":
		list := []any{}
		for range s.MinItems {
			list = append(list, s.Items.sample())
		}
		return list
	case "integer", "number":
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case "boolean":
		return false
	}
	return "conformance" + strings.Repeat(".", max(0, s.MinLength-len("conformance")))
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
