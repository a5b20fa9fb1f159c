package proc

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
)

// separator is between the names of files in a result.
const separator = ", "

// listed are the names in a result of look.
func listed(result string) []string {
	if result == "" || result == nothing {
		return nil
	}
	return strings.Split(result, separator)
}

func (a *actor) look(dir, op string) {
	began := a.w.now()
	a.w.handles.Lock()
	names := left(a.w.c, dir)
	if p := a.w.program; p != nil {
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(program.SplitNames(p.Leaves), name) })
	}
	a.w.handles.Unlock()
	e := a.note(nil, op, nothing, began, a.w.now())
	if len(names) > 0 {
		e.Result = strings.Join(names, separator)
	}
	a.w.record(*e)
}

// commandTime is how long a command may take that starts no server.
const commandTime = 5 * time.Second

// command runs the target with arguments to its end, or ends it after
// commandTime. It returns how it ended, or blocked.
func (a *actor) command(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer, result string) {
	cmd, stdout, stderr, wait := a.launch(args...)
	if cmd == nil {
		return nil, nil, nil, ""
	}
	if !a.w.within(commandTime, wait) {
		cmd.Process.Kill()
		<-wait
		return cmd, stdout, stderr, blocked
	}
	return cmd, stdout, stderr, exitText(cmd.ProcessState)
}

func (a *actor) launch(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer, wait chan struct{}) {
	cmd, err := a.w.server(args...)
	if err == nil {
		stdout, stderr, wait = new(bytes.Buffer), new(bytes.Buffer), make(chan struct{})
		cmd.Stdout, cmd.Stderr = stdout, stderr
		cmd.WaitDelay = time.Second
		err = a.w.group.start(cmd)
	}
	if err != nil {
		a.w.fail(err)
		return nil, nil, nil, nil
	}
	a.w.runs(cmd.Process.Pid, true)
	go func() {
		defer close(wait)
		cmd.Wait()
		a.w.runs(cmd.Process.Pid, false)
	}()
	return cmd, stdout, stderr, wait
}

func (a *actor) status() {
	began := a.w.now()
	cmd, stdout, stderr, result := a.command("status", "-json")
	if cmd == nil {
		return
	}
	e := a.note(nil, opStatus, result, began, a.w.now())
	var s asked
	switch {
	case result == blocked:
	case json.Unmarshal(stdout.Bytes(), &s) == nil && s.State != "":
		e.Result, e.pid = s.String(), s.PID
	default:
		e.Result = "exit " + result
		e.Detail = firstLine(stderr.Bytes())
	}
	a.w.record(*e)
}

func (a *actor) uninstall(op string, flags ...string) {
	began := a.w.now()
	before := a.w.homeState()
	cmd, stdout, stderr, wait := a.launch(append([]string{"uninstall", "-y"}, flags...)...)
	if cmd == nil {
		return
	}
	if op == opCut {
		a.cut(cmd, before, wait)
	}
	result := blocked
	if a.w.within(commandTime, wait) {
		result = exitText(cmd.ProcessState)
	} else {
		cmd.Process.Kill()
		<-wait
	}
	e := a.note(nil, op, result, began, a.w.now())
	e.pid = cmd.Process.Pid
	e.Detail = firstLine(stdout.Bytes())
	switch result {
	case "0":
		e.Result = finished
	case "1", "2":
		e.Result, e.Detail = refused, firstLine(stderr.Bytes())
	}
	a.w.record(*e)
}

// cut kills cmd once the home is not what it was, or when that takes too long.
func (a *actor) cut(cmd *exec.Cmd, before string, wait <-chan struct{}) {
	late := time.After(commandTime)
	for a.w.homeState() == before {
		select {
		case <-wait:
			return
		case <-a.ctx.Done():
			return
		case <-late:
			return
		default:
		}
	}
	cmd.Process.Kill()
}

// homeState tells two states of the store apart by the names in it.
func (w *world) homeState() string {
	var names []string
	for _, pattern := range []string{"*", "*/*"} {
		found, _ := filepath.Glob(filepath.Join(w.store(), pattern))
		names = append(names, found...)
	}
	return strings.Join(names, "\n")
}
