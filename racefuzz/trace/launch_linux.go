package trace

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// startActor starts a command as the actor's.
func (r *run) startActor(a *actor, begins phase, command []string) (err error) {
	a.phase, a.server, a.history, a.marked = begins, nil, nil, false
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
	return r.start(a, first, argv, os.Environ(), []uintptr{in.Fd(), out.Fd(), out.Fd()})
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

// placeholders replaces those that mean the same for all actors.
func (r *run) placeholders() (*strings.Replacer, error) {
	texts := slices.Clone(r.c.Command)
	for _, f := range r.c.Files {
		texts = append(texts, f.Content)
	}
	port, err := freePort("{caseport}", texts)
	return strings.NewReplacer("{pidfile}", filepath.Join(r.dir, r.settings.pidName()), "{dir}", r.dir, "{caseport}", strconv.Itoa(port)), err
}

// freePort finds a port if some text has its placeholder.
func freePort(placeholder string, texts []string) (int, error) {
	if !strings.Contains(strings.Join(texts, " "), placeholder) {
		return 0, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// resolve finds the program of a command, and the files that its arguments name
// from here: it runs in another directory.
func resolve(command []string) ([]string, error) {
	if len(command) == 0 {
		return nil, nil
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	out := []string{path}
	for _, word := range command[1:] {
		if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() {
			if word, err = filepath.Abs(word); err != nil {
				return nil, err
			}
		}
		out = append(out, word)
	}
	return out, nil
}

// stopActor asks the actor's server to stop.
func (r *run) stopActor(a *actor) (string, error) {
	a.phase = stopping
	a.next++
	switch r.settings.stop {
	case "eof":
		return "end of input", a.closeInput()
	case "int":
		return "SIGINT", unix.Kill(a.server.pid, unix.SIGINT)
	case "term":
		return "SIGTERM", unix.Kill(a.server.pid, unix.SIGTERM)
	}
	argv, err := resolve(strings.Fields(r.settings.stop))
	if err != nil {
		return "", err
	}
	_, err = r.launch(a, r.expand(argv, a), false)
	return r.settings.stop, err
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
	r.leave(a)
	for _, p := range a.procs {
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
	a.history = nil
	if a.op() == opStop {
		a.next++
	}
}
