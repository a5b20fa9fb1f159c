package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/memlatch/memlatch/ci/npm"
)

//go:embed client.mjs
var client []byte

// call is a tool to call and what should come of it.
type call struct {
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
	Refused   bool           `json:"refused"`
}

func (c call) String() string {
	if c.Refused {
		return c.Tool + " refuses a wrong argument"
	}
	return c.Tool + " " + compact(c.Arguments)
}

// calls calls every tool as it should be called in h, and every one wrongly.
func (o offer) calls(h home) (calls []call) {
	for _, t := range o.Tools {
		calls = append(calls, call{Tool: t.Name, Arguments: wrong, Refused: true})
	}
	for _, t := range o.Tools {
		calls = append(calls, call{Tool: t.Name, Arguments: t.arguments(h)})
	}
	return calls
}

// trySDK has client.mjs do what a host does. It prints a line for each check.
func trySDK(ctx context.Context, r *report, tree npm.Tree, h home, server string, o offer) error {
	script := filepath.Join(tree.Dir, "client.mjs")
	if err := os.WriteFile(script, client, 0o600); err != nil {
		return err
	}
	calls := o.calls(h)
	names := make([]string, len(calls))
	for i, c := range calls {
		names[i] = c.String()
	}
	cmd := tree.Command(ctx, "../client.mjs", compact(map[string]any{
		"server": server, "environment": h.environment(), "calls": calls, "names": names,
	}))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	for line := range bytes.Lines(out) {
		var result struct{ Name, Error string }
		if err := json.Unmarshal(line, &result); err != nil {
			return fmt.Errorf("client.mjs printed %q", line)
		}
		var failure error
		if result.Error != "" {
			failure = errors.New(result.Error)
		}
		r.add("sdk", result.Name, failure)
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	r.add("sdk", "the client gets to its end", err)
	r.add("sdk", "no pid file remains", h.left())
	return nil
}
