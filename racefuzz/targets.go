package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/mutant"
	"github.com/memlatch/memlatch/racefuzz/internal/proc"
)

// shipped is the target that is no stand-in, and control the stand-in with
// nothing wrong.
const (
	shipped = "memlatch"
	control = "stand-in"
)

// standIns returns the control and the mutants that the process tier can
// tell from it on this system.
func standIns() []proc.StandIn {
	all := proc.Habitual()
	named := func(name string) bool {
		return slices.ContainsFunc(all, func(s proc.StandIn) bool { return s.Name == name })
	}
	for _, m := range mutant.All() {
		if strings.Contains(m.Tiers, "p") && !named(m.Name) && (m.Rules == "" || m.Rules == runtime.GOOS || m.Alone) {
			all = append(all, proc.StandIn{Name: m.Name, Bug: m.Bug, Source: m.Source, Breaks: m.Breaks,
				Acquire: onSystem(m), Probe: func(path string) (lock.Status, error) { return m.Probe(mutant.OS{}, path) }})
		}
	}
	sound, _ := mutant.Lookup(mutant.Shipped)
	for i := range all {
		if all[i].Acquire == nil {
			all[i].Acquire = onSystem(sound)
		}
		if all[i].Probe == nil {
			all[i].Probe = lock.Probe
		}
	}
	slices.SortFunc(all, func(a, b proc.StandIn) int { return cmp.Compare(a.Name, b.Name) })
	return append([]proc.StandIn{{Name: control, Acquire: onSystem(sound), Probe: lock.Probe}}, all...)
}

// onSystem is m's Acquire on the running system, or on one that plays the rule
// of Windows that m breaks on.
func onSystem(m mutant.Protocol) func(path string) (proc.Holder, error) {
	var sys lock.System = mutant.OS{}
	if m.Alone && m.Rules != runtime.GOOS {
		sys = &mutant.Unshared{}
	}
	return func(path string) (proc.Holder, error) {
		h, err := m.Acquire(sys, path)
		if err != nil {
			return nil, err
		}
		return h, nil
	}
}

// find returns the target of a name, which it builds into dir if need be.
func (c *common) find(ctx context.Context, name, dir string) (proc.Target, time.Duration, error) {
	if name != shipped {
		for _, s := range standIns() {
			if s.Name == name {
				return s.Target(), 0, nil
			}
		}
		return proc.Target{}, 0, &problem{fmt.Errorf("no target %q here", name), "run 'racefuzz list' for their names"}
	}
	t := proc.Target{Name: shipped, Path: c.server, Probe: lock.Probe}
	if t.Path != "" {
		path, err := exec.LookPath(t.Path)
		if err == nil {
			t.Path, err = filepath.Abs(path)
		}
		return t, 0, err
	}
	t.Path = filepath.Join(dir, "memlatch")
	if runtime.GOOS == "windows" {
		t.Path += ".exe"
	}
	start := time.Now()
	build := exec.CommandContext(ctx, "go", "build", "-o", t.Path, "github.com/memlatch/memlatch/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	out, err := build.CombinedOutput()
	if err != nil {
		return t, 0, &problem{fmt.Errorf("the server cannot be built: %v\n%s", err, out),
			"run it inside the module of memlatch, or name a server with -server"}
	}
	return t, time.Since(start), nil
}
