package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/memlatch/memlatch/ci/npm"
)

// inspectorRefused is the exit code of the inspector for a tool's error.
const inspectorRefused = 5

// tryInspector has the inspector list the tools, call each, read the status
// and meet an error, each with a server of its own. Then the parts that do not
// depend on the handshake once more in the protocol without one.
func tryInspector(ctx context.Context, r *report, tree npm.Tree, h home, server string, o offer) {
	inspect := func(args ...string) error {
		all := append([]string{"--cli", server, "--format", "json"}, args...)
		for _, e := range h.environment() {
			all = append(all, "-e", e)
		}
		cmd := tree.Command(ctx, "@modelcontextprotocol/inspector/clients/launcher/build/index.js", all...)
		cmd.Env = append(cmd.Env, "HOME="+string(h), "USERPROFILE="+string(h))
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%w: %s%s", err, strings.TrimSpace(stderr.String()), strings.TrimSpace(stdout.String()))
		}
		return nil
	}
	r.add("inspector", "tools/list, with strict schemas", inspect("--method", "tools/list", "--strict", "--quiet"))
	for _, c := range o.calls(h) {
		err := inspect("--method", "tools/call", "--tool-name", c.Tool, "--tool-args-json", compact(c.Arguments))
		if c.Refused {
			err = refused(err)
		}
		r.add("inspector", c.String(), err)
	}
	if o.has("resources") {
		r.add("inspector", "resources/list", inspect("--method", "resources/list"))
		r.add("inspector", "resources/templates/list", inspect("--method", "resources/templates/list"))
	}
	modern := func(args ...string) error { return inspect(append(args, "--protocol-era", "modern")...) }
	r.add("inspector", "tools/list without a handshake", modern("--method", "tools/list"))
	r.add("inspector", "mem_status without a handshake", modern("--method", "tools/call", "--tool-name", "mem_status"))
	r.add("inspector", "no pid file remains", h.left())
}

func refused(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("accepted")
	case errors.As(err, &exit) && exit.ExitCode() == inspectorRefused:
		return nil
	}
	return err
}
