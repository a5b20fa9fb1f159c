package main

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Every memory is a resource too, for hosts that let people pick some.
const (
	resourceScheme   = "memory://"
	resourceTemplate = resourceScheme + "{id}"
	resourceType     = "text/plain"
)

// Bounds on what is offered to pick from.
const (
	listedResources = 100
	maxCompletions  = 100 // the protocol's own
	maxTitle        = 80  // characters
)

func (t tools) resourceTemplate() server.ServerResourceTemplate {
	return server.ServerResourceTemplate{
		Template: mcp.NewResourceTemplate(resourceTemplate, "memory",
			mcp.WithTemplateTitle("A memory"),
			mcp.WithTemplateDescription("The text of the memory with this id."),
			mcp.WithTemplateMIMEType(resourceType)),
		Handler: t.readResource,
	}
}

func (t tools) readResource(ctx context.Context, r mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.Params.URI, resourceScheme), 10, 64)
	if err != nil {
		return nil, errors.New("a memory's address ends with its id, such as " + resourceURI(1))
	}
	m, err := one(ctx, t.store, "id = ?", id)
	if err != nil {
		return nil, errors.New(explain(missing(err, id)))
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: r.Params.URI, MIMEType: resourceType, Text: m.Text}}, nil
}

func resourceURI(id int64) string { return resourceScheme + strconv.FormatInt(id, 10) }

// listResources puts a page of memories, the newest first, into result, which
// mcp-go has made for the resources that it knows: none. It cannot fail; an
// error is there to see in mem_status.
func (t tools) listResources(ctx context.Context, _ any, r *mcp.ListResourcesRequest, result *mcp.ListResourcesResult) {
	cursor, _ := base64.StdEncoding.DecodeString(string(r.Params.Cursor))
	memories, err := t.store.list(ctx, filter{}, string(cursor), listedResources+1)
	if err != nil {
		return
	}
	if len(memories) > listedResources {
		memories = memories[:listedResources]
		result.NextCursor = mcp.Cursor(base64.StdEncoding.EncodeToString([]byte(memories[listedResources-1].cursor())))
	}
	for _, m := range memories {
		result.Resources = append(result.Resources, mcp.NewResource(resourceURI(m.ID), "memory "+strconv.FormatInt(m.ID, 10),
			mcp.WithResourceTitle(m.title()), mcp.WithMIMEType(resourceType)))
	}
}

// title is the beginning of the text.
func (m memory) title() string {
	line, _, more := strings.Cut(strings.TrimSpace(m.Text), "\n")
	if utf8.RuneCountInString(line) > maxTitle {
		line, more = string([]rune(line)[:maxTitle-1]), true
	}
	if more {
		line += "…"
	}
	return line
}

// CompleteResourceArgument completes an id, to the newest memories first.
func (t tools) CompleteResourceArgument(ctx context.Context, uri string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	if uri != resourceTemplate || argument.Name != "id" {
		return &mcp.Completion{}, nil
	}
	ids, err := t.store.idsWith(ctx, argument.Value, maxCompletions+1)
	if err != nil {
		return nil, errors.New(explain(err))
	}
	c := &mcp.Completion{Values: ids}
	if len(ids) > maxCompletions {
		c.Values, c.HasMore = ids[:maxCompletions], true
	}
	return c, nil
}
