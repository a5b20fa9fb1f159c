package main

// Proves what scripts cannot: the shape of the JSON, and that a run which is
// interrupted or killed leaves nothing behind.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// decoded runs the command and decodes each line of its output.
func decoded(t *testing.T, want int, args ...string) []map[string]any {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(args, nil, &stdout, &stderr); code != want {
		t.Fatalf("%q: exit code %d, want %d\n%s%s", args, code, want, &stdout, &stderr)
	}
	var objects []map[string]any
	for line := range bytes.Lines(stdout.Bytes()) {
		var object map[string]any
		if err := json.Unmarshal(line, &object); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		objects = append(objects, object)
	}
	return objects
}

// need fails unless object has the fields, with values of the types of want's.
func need(t *testing.T, object map[string]any, want map[string]any) {
	t.Helper()
	for name, example := range want {
		got, found := object[name]
		if !found {
			t.Errorf("%v: no %q", object["type"], name)
			continue
		}
		same := false
		switch example.(type) {
		case string:
			_, same = got.(string)
		case float64:
			_, same = got.(float64)
		case map[string]any:
			_, same = got.(map[string]any)
		}
		if !same {
			t.Errorf("%v: %q is %v, want something like %v", object["type"], name, got, example)
		}
	}
}

func TestJSONOfACleanRun(t *testing.T) {
	t.Setenv(tempVariable(), t.TempDir())
	objects := decoded(t, exitClean, "-json", "-v", "-n", "2", "-procs", "2", "-seed", "1", "-target", control)
	if len(objects) != 4 {
		t.Fatalf("%d lines, want start, two cases and end", len(objects))
	}
	for i, kind := range []string{"start", "case", "case", "end"} {
		if objects[i]["type"] != kind {
			t.Errorf("line %d is of type %v, want %s", i, objects[i]["type"], kind)
		}
	}
	need(t, objects[0], map[string]any{"command": "", "seed": 1.0, "n": 1.0, "procs": 1.0, "target": "", "server": "", "replay": "", "save": "", "time_s": 1.0})
	need(t, objects[1], map[string]any{"seed": 1.0, "verdict": "", "actors": 1.0, "servers": 1.0, "ms": 1.0})
	need(t, objects[3], map[string]any{"verdict": "", "exit": 1.0, "cases": 1.0, "servers": 1.0, "seconds": 1.0})
	if objects[3]["verdict"] != "no race" || objects[3]["exit"] != 0.0 || objects[3]["cases"] != 2.0 {
		t.Errorf("the end is %v", objects[3])
	}
}

func TestJSONOfARace(t *testing.T) {
	t.Setenv(tempVariable(), t.TempDir())
	objects := decoded(t, exitRace, "-json", "-procs", "2", "-seed", "1", "-target", "write-before-lock", "-save", t.TempDir())
	if len(objects) != 3 {
		t.Fatalf("%d lines, want start, race and end", len(objects))
	}
	race := objects[1]
	need(t, race, map[string]any{"type": "race", "seed": 1.0, "broken": 1.0, "runs": 1.0, "saved": "", "replay": "", "report": map[string]any{}})
	if _, err := os.Stat(race["saved"].(string)); err != nil {
		t.Error(err)
	}
	report := race["report"].(map[string]any)
	if report["tier"] != "process" || report["target"] != "write-before-lock" || report["broken"] == nil {
		t.Errorf("the report is %v", report)
	}
	if objects[2]["exit"] != 1.0 || objects[2]["verdict"] != report["verdict"] {
		t.Errorf("the end is %v, the report's verdict %v", objects[2], report["verdict"])
	}
}

func tempVariable() string {
	if runtime.GOOS == "windows" {
		return "TMP"
	}
	return "TMPDIR"
}

// begin starts the command and returns when the first case has been run.
func begin(t *testing.T, tmp string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	program, err := exec.LookPath("racefuzz")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{"-v", "-save", t.TempDir()}, args...)...)
	cmd.Env = append(os.Environ(), tempVariable()+"="+tmp)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	out := bufio.NewReader(stdout)
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "case ") {
			return cmd, out
		}
	}
}

func TestInterruptedRunLeavesNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("os.Process cannot send an interrupt here")
	}
	tmp := t.TempDir()
	cmd, out := begin(t, tmp, "-seed", "2", "-target", control)
	cmd.Process.Signal(os.Interrupt)
	var all []string
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			break
		}
		all = append(all, line)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("exit %v, want %d", err, exitInterrupted)
	}
	if last := all[len(all)-1]; !strings.HasPrefix(last, "interrupted, no race so far (") {
		t.Errorf("the last line is %q", last)
	}
	if what := remains(tmp); what != "" {
		t.Error(what)
	}
}

// The target is a server that ends for no reason of its own.
func TestKilledRunLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	cmd, out := begin(t, tmp, "-seed", "1", "-target", "child-inherits-lock", "-procs", "3")
	if remains(tmp) == "" {
		t.Fatal("nothing is there while it runs: this test proves nothing")
	}
	cmd.Process.Kill()
	out.WriteTo(new(bytes.Buffer))
	cmd.Wait()
	var what []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if what = append(what, remains(tmp)); what[len(what)-1] == "" {
			return
		}
	}
	t.Errorf("still there: %s", slices.Compact(what))
}
