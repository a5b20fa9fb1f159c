package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"strings"

	"github.com/memlatch/memlatch/ci/host"
	"github.com/memlatch/memlatch/ci/npm"
)

// scenarios are those of the suite that apply to any server, each with the
// capability that it is about. The others call tools, prompts and resources
// by the names that the suite's own test server gives them, or are about HTTP.
var scenarios = []struct{ name, capability string }{
	{"server-initialize", ""},
	{"ping", ""},
	{"tools-list", "tools"},
	{"resources-list", "resources"},
	{"prompts-list", "prompts"},
	{"completion-complete", "completions"},
	{"logging-set-level", "logging"},
}

func trySuite(ctx context.Context, r *report, tree npm.Tree, h home, server string, o offer) error {
	const script = "@modelcontextprotocol/conformance/dist/index.js"
	list, err := tree.Command(ctx, script, "list", "--server").Output()
	if err != nil {
		return fmt.Errorf("the suite does not list its scenarios: %w", err)
	}
	b := &bridge{ctx: ctx, sessions: map[string]*host.Session{},
		start: func(ctx context.Context) *exec.Cmd { return h.server(ctx, server) }}
	web := httptest.NewServer(b)
	defer web.Close()
	tried := 0
	for _, s := range scenarios {
		if !o.has(s.capability) {
			continue
		}
		tried++
		out, err := tree.Command(ctx, script, "server", "--url", web.URL, "--scenario", s.name).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		r.add("suite", s.name, err)
	}
	r.add("suite", "the servers end with their sessions", b.close())
	r.add("suite", "no pid file remains", h.left())
	fmt.Fprintf(r.out, "      suite: %d of %d scenarios apply\n", tried, strings.Count(string(list), "\n  - "))
	return nil
}
