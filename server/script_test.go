package main

// The scripts in testdata/server prove what users and hosts see: real
// processes, real signals, real files. Besides testscript's own commands they
// have these:
//
//	serve NAME...               start servers at once and shake hands with each
//	[!] call NAME TOOL [JSON]   call a tool; its result, or error, is the stdout
//	send NAME TOOL [JSON]       call a tool and do not wait for the answer
//	[!] answer NAME             wait for that answer, as call does
//	[!] request NAME METHOD [JSON]
//	                            send another request; its result, or error, is the stdout
//	eof NAME...                 end the servers' input, then as gone
//	signal SIGNAL NAME...       send INT, TERM, HUP; see signals_windows_test.go
//	gone NAME...                wait until they have exited 0; stderr is theirs
//	crash NAME...               kill them without warning
//	names FILE NAME...          wait until FILE holds the pid of one of them
//	says NAME REGEXP            wait until it says that on stderr
//	hold WHAT FILE              hold FILE's lock from outside, where WHAT is
//	                            pidfile, barrier or database (its write lock)
//	letgo FILE                  stop that
//	write FILE WORD             make a file that holds the word and a newline
//
// and the conditions [root], [links] (symbolic ones can be made), [gone] (the name
// of an open file is gone once it is removed) and [signal:SIGNAL] (it can be
// sent). $STRANGER is the pid of a live process that is no server. Each script
// has a home and a runtime directory of its own.

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("u", false, "write what the programs print into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"memlatch": main, "host": hostMain, "press": pressMain})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "testdata", "server"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setup,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "links":
				return symlink("nowhere", filepath.Join(t.TempDir(), "link")) == nil, nil
			case "gone":
				return removesOpenFiles(filepath.Join(t.TempDir(), "file"))
			}
			if name, found := strings.CutPrefix(cond, "signal:"); found {
				return canSignal(name), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":   cmdServe,
			"call":    cmdCall,
			"send":    cmdSend,
			"answer":  cmdAnswer,
			"request": cmdRequest,
			"eof":     cmdEOF,
			"signal":  cmdSignal,
			"gone":    cmdGone,
			"crash":   cmdCrash,
			"names":   cmdNames,
			"says":    cmdSays,
			"hold":    cmdHold,
			"letgo":   cmdLetGo,
			"write":   cmdWrite,
		},
	})
}

// world is what one script has running.
type world struct {
	env     *testscript.Env
	servers map[string]*process
	held    map[string]func() // by absolute path
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func setup(env *testscript.Env) error {
	w := &world{env: env, servers: map[string]*process{}, held: map[string]func(){}}
	env.Values[worldKey{}] = w
	env.Setenv("HOME", filepath.Join(env.WorkDir, "user"))
	env.Setenv("USERPROFILE", filepath.Join(env.WorkDir, "user"))
	env.Setenv("APPDATA", filepath.Join(env.WorkDir, "user", "appdata"))
	env.Setenv("MEMLATCH_RUNTIME_DIR", filepath.Join(env.WorkDir, "run"))
	env.Setenv("STRANGER", strconv.Itoa(os.Getpid()))
	env.Defer(func() {
		for _, letGo := range w.held {
			letGo()
		}
		for _, p := range w.servers {
			p.crash()
		}
	})
	return os.MkdirAll(filepath.Join(env.WorkDir, "user"), 0o700)
}

// running returns a running server by the name the script gave it.
func running(ts *testscript.TestScript, name string) *process {
	p := worldOf(ts).servers[name]
	if p == nil {
		ts.Fatalf("there is no server %q", name)
	}
	return p
}

func need(ts *testscript.TestScript, neg bool, args []string, n int, usage string) {
	if neg || len(args) < n {
		ts.Fatalf("usage: %s", usage)
	}
}

func cmdServe(ts *testscript.TestScript, neg bool, names []string) {
	need(ts, neg, names, 1, "serve NAME...")
	w := worldOf(ts)
	for _, name := range names {
		if w.servers[name] != nil {
			ts.Fatalf("there is a server %q already", name)
		}
		p, err := start(scriptEnv(ts))
		ts.Check(err)
		w.servers[name] = p
	}
	for _, name := range names {
		ts.Check(w.servers[name].handshake())
	}
}

// scriptEnv is the script's environment as it is now.
func scriptEnv(ts *testscript.TestScript) []string {
	env := slices.Clone(worldOf(ts).env.Vars)
	for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "MEMLATCH_HOME", "MEMLATCH_RUNTIME_DIR"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

func cmdCall(ts *testscript.TestScript, neg bool, args []string) {
	cmdSend(ts, false, args)
	cmdAnswer(ts, neg, args[:1])
}

func cmdSend(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "send NAME TOOL [JSON]")
	arguments := json.RawMessage("{}")
	if len(args) > 2 {
		arguments = json.RawMessage(args[2])
	}
	ts.Check(running(ts, args[0]).send("tools/call", toolCall(args[1], arguments)))
}

func cmdAnswer(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, false, args, 1, "answer NAME")
	a, err := running(ts, args[0]).receive()
	ts.Check(err)
	result, err := toolResult(a.Result)
	var failure *errTool
	switch failed := errors.As(err, &failure); {
	case failed && neg:
		fmt.Fprintln(ts.Stdout(), failure.message)
	case neg:
		ts.Fatalf("the tool did not fail: %s", result)
	default:
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%s\n", result)
	}
}

func cmdRequest(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, false, args, 2, "request NAME METHOD [JSON]")
	params := json.RawMessage("{}")
	if len(args) > 2 {
		params = json.RawMessage(args[2])
	}
	p := running(ts, args[0])
	ts.Check(p.send(args[1], params))
	a, err := p.receive()
	var failed *errRequest
	switch {
	case errors.As(err, &failed) && neg:
		fmt.Fprintln(ts.Stdout(), err)
	case neg:
		ts.Fatalf("the request did not fail: %s, %v", a.Result, err)
	default:
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%s\n", a.Result)
	}
}

func cmdEOF(ts *testscript.TestScript, neg bool, names []string) {
	need(ts, neg, names, 1, "eof NAME...")
	for _, name := range names {
		running(ts, name).stdin.Close()
	}
	cmdGone(ts, false, names)
}

func cmdGone(ts *testscript.TestScript, neg bool, names []string) {
	need(ts, neg, names, 1, "gone NAME...")
	said := ts.Stderr()
	for _, name := range names {
		p := running(ts, name)
		ts.Check(p.wait())
		io.WriteString(said, p.said())
		delete(worldOf(ts).servers, name)
	}
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "signal SIGNAL NAME...")
	for _, name := range args[1:] {
		ts.Check(running(ts, name).signal(args[0]))
	}
}

func cmdCrash(ts *testscript.TestScript, neg bool, names []string) {
	need(ts, neg, names, 1, "crash NAME...")
	for _, name := range names {
		running(ts, name).crash()
		delete(worldOf(ts).servers, name)
	}
}

func cmdNames(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "names FILE NAME...")
	var want []string
	for _, name := range args[1:] {
		want = append(want, strconv.Itoa(running(ts, name).pid())+"\n")
	}
	path := ts.MkAbs(args[0])
	var content []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var err error
		if content, err = os.ReadFile(path); err == nil && slices.Contains(want, string(content)) {
			return
		}
	}
	ts.Fatalf("%s holds %q, want one of %q", args[0], content, want)
}

func cmdSays(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "says NAME REGEXP")
	p, want := running(ts, args[0]), regexp.MustCompile(args[1])
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if want.MatchString(p.said()) {
			return
		}
	}
	ts.Fatalf("%s said %q", args[0], p.said())
}

func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "hold pidfile|barrier|database FILE")
	path := ts.MkAbs(args[1])
	var letGo func()
	var err error
	switch args[0] {
	case "pidfile":
		letGo, err = holdPIDFile(path)
	case "barrier":
		letGo, err = holdBarrier(path)
	case "database":
		letGo, err = holdDatabase(path)
	default:
		ts.Fatalf("hold pidfile|barrier|database FILE")
	}
	ts.Check(err)
	worldOf(ts).held[path] = letGo
}

func cmdLetGo(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "letgo FILE")
	path := ts.MkAbs(args[0])
	letGo := worldOf(ts).held[path]
	if letGo == nil {
		ts.Fatalf("%s is not held", args[0])
	}
	letGo()
	delete(worldOf(ts).held, path)
}

// holdPIDFile takes a pid file's lock and leaves its content alone.
func holdPIDFile(path string) (letGo func(), err error) {
	f, err := lock.OS{}.Open(path, lock.Create)
	if err != nil {
		return nil, err
	}
	return func() { f.Unlock(); f.Close() }, f.TryLock(true)
}

func holdBarrier(path string) (letGo func(), err error) {
	b, err := lock.Share(context.Background(), path)
	if err != nil {
		return nil, err
	}
	return func() { b.Release() }, nil
}

// holdDatabase begins to write to the database, and does not go on.
func holdDatabase(path string) (letGo func(), err error) {
	db, err := connect(filepath.Dir(path), filepath.Base(path), url.Values{"mode": {"rw"}})
	if err != nil {
		return nil, err
	}
	tx, err := db.Begin()
	if err != nil {
		db.Close()
		return nil, err
	}
	return func() { tx.Rollback(); db.Close() }, nil
}

// removesOpenFiles reports whether a name goes while its file, made at path,
// is open as a pid file is.
func removesOpenFiles(path string) (bool, error) {
	f, err := lock.OS{}.Open(path, lock.Create)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = os.Remove(path)
	_, gone := os.Lstat(path)
	return errors.Is(gone, fs.ErrNotExist), err
}

func cmdWrite(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "write FILE WORD")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"), 0o600))
}
