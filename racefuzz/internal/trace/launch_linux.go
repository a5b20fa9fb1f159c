package trace

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
)

// startActor starts a command as the actor's.
func (r *run) startActor(a *actor, begins phase, command []string) (err error) {
	a.phase, a.server, a.history, a.marked, a.named, a.returned, a.naps = begins, nil, nil, false, false, false, 0
	a.round++
	a.next++
	a.closeInput()
	os.Remove(r.outputOf(a))
	a.first, err = r.launch(a, r.expand(command, a), true)
	return err
}

// outputOf is the file that gets an actor's stdout and stderr.
func (r *run) outputOf(a *actor) string { return filepath.Join(r.base, a.name+".out") }

// launch starts a process of the actor, with a pipe as its input if it is the
// first one.
func (r *run) launch(a *actor, argv []string, first bool) (*process, error) {
	out, err := os.OpenFile(r.outputOf(a), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if r.outputs[a] == nil {
		r.outputs[a] = &output{path: out.Name()}
	}
	in, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if first {
		a.stdin = stdin
	} else {
		stdin.Close()
	}
	return r.start(a, first, argv, r.environment(), []uintptr{in.Fd(), out.Fd(), out.Fd()})
}

// expand replaces the placeholders of a command.
func (r *run) expand(words []string, a *actor) []string {
	own := strings.NewReplacer("{server}", r.tier.Server, "{n}", strconv.Itoa(a.index), "{port}", strconv.Itoa(a.port))
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = own.Replace(r.common.Replace(w))
	}
	return out
}

// halt asks the actor to stop in the middle of its start.
func (r *run) halt(a *actor) (string, error) {
	a.server = a.victim()
	how, err := r.stopActor(a)
	return "of " + a.name + ": " + how, err
}

// stopActor asks the actor's server to stop.
func (r *run) stopActor(a *actor) (string, error) {
	a.phase = stopping
	a.next++
	switch r.settings.Stop {
	case "eof":
		return "end of input", a.closeInput()
	case "int":
		return "SIGINT", unix.Kill(a.server.pid, unix.SIGINT)
	case "term":
		return "SIGTERM", unix.Kill(a.server.pid, unix.SIGTERM)
	}
	argv, err := program.Resolve(strings.Fields(r.settings.Stop))
	if err != nil {
		return "", err
	}
	_, err = r.launch(a, r.expand(argv, a), false)
	return r.settings.Stop, err
}

// crash kills the actor's server with SIGKILL, and only that process.
func (r *run) crash(a *actor) string {
	p := a.victim()
	unix.Kill(p.pid, unix.SIGKILL)
	for !p.ended {
		if !r.poll() {
			runtime.Gosched()
		}
	}
	early := a.phase == starting
	r.leave(a)
	for _, p := range a.procs {
		p.heir = p.heir || early && !p.bereft
		p.bereft = true
	}
	return "SIGKILL"
}

// leave notes that the actor's server is gone: what is left of it are orphans.
func (r *run) leave(a *actor) {
	a.phase, a.server, a.first = absent, nil, nil
	for _, p := range a.procs {
		p.orphan = true
	}
	a.past, a.history = append(a.past, a.history...), nil
	a.bury()
	if a.op() == opStop {
		a.next++
	}
}
