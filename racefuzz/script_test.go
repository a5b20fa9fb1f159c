package main

// The scripts in testdata/racefuzz prove what users of the command see.
// Besides testscript's own commands they have these:
//
//	exits CODE racefuzz ARG...  run it and expect the exit code
//	saved DIR                   set $SAVED to the only file in DIR
//	nothing left                no process and no file of a run remains
//
// $MODULE is the module's directory, and $SERVER a memlatch built from it.

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/memlatch/memlatch/racefuzz/internal/proc"
)

var update = flag.Bool("u", false, "write what the program prints into the scripts")

func TestMain(m *testing.M) {
	if role := proc.Role(standIns()); role != nil {
		os.Exit(role())
	}
	testscript.Main(m, map[string]func(){"racefuzz": main, "note": note})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "testdata", "racefuzz"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			module, err := filepath.Abs("..")
			if err != nil {
				return err
			}
			server, err := build()
			if err != nil {
				return err
			}
			tmp := filepath.Join(env.WorkDir, "tmp")
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
				if value, err := exec.Command("go", "env", name).Output(); err == nil {
					env.Setenv(name, strings.TrimSpace(string(value)))
				}
			}
			env.Setenv("MODULE", module)
			env.Setenv("SERVER", server)
			env.Setenv("TMPDIR", tmp)
			env.Setenv("TEMP", tmp)
			env.Setenv("TMP", tmp)
			return os.Mkdir(tmp, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   cmdExits,
			"saved":   cmdSaved,
			"nothing": cmdNothing,
		},
	})
}

// build builds the server, once, beside the programs of the scripts.
var build = sync.OnceValues(func() (string, error) {
	program, err := exec.LookPath("racefuzz")
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(program), "memlatch")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", path, "../server").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE racefuzz ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d; stdout:\n%s\nstderr:\n%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func cmdSaved(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%d files in %s, want one", len(files), args[0])
	}
	ts.Setenv("SAVED", files[0])
}

func cmdNothing(ts *testscript.TestScript, neg bool, args []string) {
	tmp := ts.Getenv("TMPDIR")
	if what := remains(tmp); what != "" {
		ts.Fatalf("%s", what)
	}
}

// remains says what is left of runs whose files are under tmp, or "".
func remains(tmp string) string {
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return err.Error()
	}
	if len(entries) > 0 {
		return "left in " + tmp + ": " + entries[0].Name()
	}
	// Every process of a case knows where the case's files are.
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		env, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(env), "MEMLATCH_HOME="+tmp) {
			return "left running: " + filepath.Dir(path)
		}
	}
	return ""
}
