package main

// Memories can be kept in a home of any name that the system allows, and what
// 'uninstall --backup' saved of them can be put back; a path that is none, or
// too long, is refused by everything with the same remedy.

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// program runs memlatch with what it reads, and returns what it prints.
func program(t *testing.T, env []string, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("memlatch", args...)
	cmd.Env, cmd.Stdin, cmd.Dir = env, strings.NewReader(stdin), t.TempDir()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestHomesOfAnyName(t *testing.T) {
	names := []string{
		"100% #1 & a+b, it's 日本 🚫", "plain", "OneDrive - Company", " first", "a#b", "a?b", "100%", "a%20b%2Fc", "a&b=c", "a+b", "a+b c", "it's", `say "hi"`,
		"日本語 ü 🚫", "e\u0301", "a\tb", "a\nb", "a:b", "file:a", "a;b|c", `back\slash`, "\x9b\xff", "(x)[y]{z}*", "-rf",
		strings.Repeat("long ", 30), strings.Repeat("d/", 130) + "deep",
	}
	if testing.Short() {
		names = names[:1]
	}
	for _, name := range names {
		t.Run(name[:min(len(name), 20)], func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "x")
			home := filepath.Join(dir, filepath.FromSlash(name), "memlatch")
			if err := os.MkdirAll(home, 0o700); err != nil {
				t.Skip("no such name here: ", err)
			}
			if err := os.Remove(home); err != nil {
				t.Fatal(err)
			}
			// The pid file's directory has such a name too.
			env := slices.Concat(os.Environ(), []string{"HOME=" + dir, "USERPROFILE=" + dir,
				"MEMLATCH_HOME=" + home, "MEMLATCH_RUNTIME_DIR=" + filepath.Join(filepath.Dir(home), "run")})
			works(t, env, filepath.Join(filepath.Dir(home), "kept.jsonl"))
		})
	}
}

// works has a server and the commands use the store of env, which there is
// not yet, for all that they do.
func works(t *testing.T, env []string, backup string) {
	t.Helper()
	p, err := start(env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.crash)
	var status statusResult
	for _, err := range []error{p.handshake(), p.call("mem_add", addArgs{Text: "a memory"}, nil), p.call("mem_status", struct{}{}, &status), p.eof()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if status.Role != "holder" || status.Problem != "" {
		t.Errorf("status: %+v", status)
	}
	for _, step := range []struct{ stdin, args, want string }{
		{"", "doctor", "1 memory, sound"},
		{`{"text":"another"}`, "import -", "imported 1 memory"},
		{"", "export -", `"text":"another"`},
		{"", "uninstall -y --backup " + backup, "removed 2 memories"},
		{"", "import " + backup, "imported 2 memories"},
		{"", "export -", `"text":"a memory"`},
	} {
		args := strings.SplitN(step.args, " ", strings.Count(strings.TrimSuffix(step.args, backup), " ")+1)
		if out, err := program(t, env, step.stdin, args...); err != nil || !strings.Contains(out, step.want) {
			t.Fatalf("memlatch %s: %v\n%s", step.args, err, out)
		}
	}
}

func TestHomesThatAreNoneAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, home := range []string{
		"~/mem", "~", "~bob/mem", "${HOME}/mem", "$HOME/mem", dir + "/${USER}/mem", "%USERPROFILE%\\mem", "relative", "./relative", "../relative",
		`"` + dir + `/mem"`, "'" + dir + "/mem'", " " + dir + "/mem", filepath.Join(dir, strings.Repeat("long/", 400)),
	} {
		t.Run(home[:min(len(home), 80)], func(t *testing.T) {
			t.Parallel()
			env := append(environment(dir), "MEMLATCH_HOME="+home)
			for _, command := range []string{"", "doctor", "import -", "uninstall -y"} {
				out, err := program(t, env, `{"text":"x"}`, strings.Fields(command)...)
				if err == nil || !strings.Contains(out, "memlatch: error: ") || !strings.Contains(out, "memlatch: hint: ") {
					t.Errorf("memlatch %s: %v\n%s", command, err, out)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("made %v, %v", left, err)
			}
		})
	}
}
