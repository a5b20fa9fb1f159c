package main

// Many servers at once, real processes on one store: none fails, nothing that
// was acknowledged is lost, whatever comes in between.

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd starts n servers in env and shakes hands with each. They are gone
// when the test is.
func crowd(t *testing.T, env []string, n int) []*process {
	t.Helper()
	servers := make([]*process, n)
	for i := range servers {
		p, err := start(env)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.crash)
		servers[i] = p
	}
	for _, p := range servers {
		if err := p.handshake(); err != nil {
			t.Fatal(err)
		}
	}
	return servers
}

// atOnce runs do for every server at the same time and reports the errors.
func atOnce(t *testing.T, servers []*process, do func(i int, p *process) error) {
	t.Helper()
	var ready, done sync.WaitGroup
	ready.Add(len(servers))
	for i, p := range servers {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			if err := do(i, p); err != nil {
				t.Errorf("server %d: %v", i, err)
			}
		})
	}
	done.Wait()
}

func end(t *testing.T, servers []*process) {
	t.Helper()
	atOnce(t, servers, func(_ int, p *process) error { return p.eof() })
}

// texts returns what the store holds, asked of a server of its own.
func texts(t *testing.T, env []string) map[string]int {
	t.Helper()
	p := crowd(t, env, 1)[0]
	found := map[string]int{}
	for cursor := ""; ; {
		var page listResult
		if err := p.call("mem_list", map[string]any{"limit": 200, "cursor": cursor}, &page); err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Memories {
			found[m.Text]++
		}
		if cursor = page.NextCursor; cursor == "" {
			if err := p.eof(); err != nil {
				t.Error(err)
			}
			return found
		}
	}
}

func TestFreshStoreOpenedByManyAtOnce(t *testing.T) {
	env, n := environment(t.TempDir()), 64
	if testing.Short() {
		n = 8
	}
	servers := crowd(t, env, n)
	atOnce(t, servers, func(i int, p *process) error {
		return p.call("mem_add", map[string]any{"text": fmt.Sprint(i)}, nil)
	})
	end(t, servers)
	if got := len(texts(t, env)); got != n {
		t.Errorf("%d memories of %d are there", got, n)
	}
}

func TestWritersLoseNothing(t *testing.T) {
	const writers, each = 8, 50
	env := environment(t.TempDir())
	servers := crowd(t, env, writers)
	atOnce(t, servers, func(i int, p *process) error {
		for j := range each {
			if err := p.call("mem_add", map[string]any{"text": fmt.Sprint(i, " ", j)}, nil); err != nil {
				return err
			}
		}
		return nil
	})
	end(t, servers)
	if got := len(texts(t, env)); got != writers*each {
		t.Errorf("%d memories of %d are there", got, writers*each)
	}
}

func TestAcknowledgedSurvivesKill(t *testing.T) {
	env := environment(t.TempDir())
	for round := range 5 {
		servers := crowd(t, env, 3)
		atOnce(t, servers, func(i int, p *process) error {
			defer p.crash()
			return p.call("mem_add", map[string]any{"text": fmt.Sprint(round, " ", i)}, nil)
		})
		if got := len(texts(t, env)); got != (round+1)*len(servers) {
			t.Fatalf("%d memories of %d are there", got, (round+1)*len(servers))
		}
	}
}

// An uninstall that runs while servers start and add either refuses or comes
// before them: what a live server has acknowledged is there, and what was
// there before is gone exactly if the uninstall says so.
func TestUninstallSparesServersThatStart(t *testing.T) {
	env := environment(t.TempDir())
	outcomes := map[int]int{}
	for round := range 9 {
		before := crowd(t, env, 1)
		old := fmt.Sprint("old ", round)
		if err := before[0].call("mem_add", map[string]any{"text": old}, nil); err != nil {
			t.Fatal(err)
		}
		end(t, before)

		var said bytes.Buffer
		uninstall := exec.Command("memlatch", "uninstall", "-y", fmt.Sprintf("--force=%t", round%3 == 2))
		uninstall.Env, uninstall.Stdout, uninstall.Stderr = env, &said, &said
		var servers []*process
		if round%2 == 0 {
			servers = crowd(t, env, 2)
		}
		if err := uninstall.Start(); err != nil {
			t.Fatal(err)
		}
		if round%2 == 1 {
			servers = crowd(t, env, 2)
		}
		atOnce(t, servers, func(i int, p *process) error {
			return p.call("mem_add", map[string]any{"text": fmt.Sprint("new ", round, " ", i)}, nil)
		})
		removed := uninstall.Wait() == nil
		outcomes[uninstall.ProcessState.ExitCode()]++
		end(t, servers)

		found := texts(t, env)
		for i := range servers {
			if found[fmt.Sprint("new ", round, " ", i)] != 1 {
				t.Errorf("round %d: an acknowledged memory is gone; uninstall said %s", round, &said)
			}
		}
		if gone := found[old] == 0; gone != removed {
			t.Errorf("round %d: gone: %t, said to be removed: %t; uninstall said %s", round, gone, removed, &said)
		}
	}
	t.Logf("uninstall's exit codes: %v", outcomes)
}

// Of several uninstalls one removes the store; the others find it gone, or are
// refused while somebody has the pid file.
func TestUninstallsAtOnce(t *testing.T) {
	dir := t.TempDir()
	env := environment(dir)
	home := filepath.Join(dir, "home")
	refused := 0
	for round := range 5 {
		servers := crowd(t, env, 1)
		if err := servers[0].call("mem_add", map[string]any{"text": "x"}, nil); err != nil {
			t.Fatal(err)
		}
		end(t, servers)
		var uninstalls [4]*exec.Cmd
		var said [len(uninstalls)]bytes.Buffer
		for i := range uninstalls {
			c := exec.Command("memlatch", "uninstall", "-y", fmt.Sprintf("--force=%t", i == 0))
			c.Env, c.Stdout, c.Stderr = env, &said[i], &said[i]
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			uninstalls[i] = c
		}
		removed := 0
		for i, c := range uninstalls {
			err := c.Wait()
			switch text := said[i].String(); {
			case err == nil && strings.Contains(text, "removed 1 memory"):
				removed++
			case err == nil && (strings.Contains(text, "nothing to remove") || strings.Contains(text, "removed what was left of a store") ||
				strings.Contains(text, "deleted what another uninstall had moved aside")):
			case strings.Contains(text, "another uninstall is at work"), strings.Contains(text, "still running"):
				refused++
			default:
				t.Errorf("round %d: %v: %s", round, err, text)
			}
		}
		if removed != 1 {
			t.Errorf("round %d: %d uninstalls say that they removed the store", round, removed)
		}
		again := exec.Command("memlatch", "uninstall", "-y")
		again.Env = env
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("round %d: once more: %v: %s", round, err, out)
		}
		if names := namesIn(home); len(names) > 0 {
			t.Errorf("round %d: left: %q", round, names)
		}
	}
	t.Logf("%d were refused", refused)
}

// namesIn lists dir, which may not exist, with all that is in it.
func namesIn(dir string) (names []string) {
	filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if !errors.Is(err, fs.ErrNotExist) {
			names = append(names, path)
		}
		return nil
	})
	return names
}

// A kill at any moment of an uninstall leaves all memories or none, and the
// next one goes through.
func TestKilledUninstallIsFinishedByTheNext(t *testing.T) {
	dir := t.TempDir()
	env := environment(dir)
	home := filepath.Join(dir, "home")
	const rounds = 12
	var whole, leftover, complete int
	var usual time.Duration // of an uninstall that is not killed, the first
	for round := range rounds + 1 {
		servers := crowd(t, env, 1)
		for i := range 3 {
			if err := servers[0].call("mem_add", map[string]any{"text": fmt.Sprint(i)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		end(t, servers)

		uninstall := exec.Command("memlatch", "uninstall", "-y")
		uninstall.Env = env
		if err := uninstall.Start(); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if round > 0 {
			time.Sleep(usual * time.Duration(round) / rounds)
			uninstall.Process.Kill()
		}
		uninstall.Wait()
		if round == 0 {
			usual = time.Since(begin)
		}

		if _, err := os.Lstat(filepath.Join(home, "store", databaseFile)); err == nil {
			whole++
			if found := texts(t, env); len(found) != 3 {
				t.Errorf("round %d: %d memories of 3 are left", round, len(found))
			}
		} else if _, err := os.Lstat(home); err == nil {
			leftover++
		} else {
			complete++
		}
		uninstall = exec.Command("memlatch", "uninstall", "-y")
		uninstall.Env = env
		if out, err := uninstall.CombinedOutput(); err != nil {
			t.Errorf("round %d: the next uninstall: %v: %s", round, err, out)
		}
		if names := namesIn(home); len(names) > 0 {
			t.Errorf("round %d: left: %q", round, names)
		}
	}
	t.Logf("killed before the rename %d times, before the end %d, too late %d", whole, leftover, complete)
}

func TestServerLeavesWithItsHost(t *testing.T) {
	dir := t.TempDir()
	program, err := exec.LookPath("host")
	if err != nil {
		t.Fatal(err)
	}
	// This process keeps the pipe open, as a sibling that inherited it would.
	host, err := startCommand(exec.Command(program), environment(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := host.handshake(); err != nil {
		t.Fatal(err)
	}
	host.cmd.Process.Kill()
	select {
	case <-host.exited: // both, since they share the output
	case <-time.After(patience):
		t.Fatal("the server outlives its host")
	}
	files, err := os.ReadDir(filepath.Join(dir, "run"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(files) > 0 {
		t.Errorf("the server left %v, %v", files, err)
	}
}

// hostMain is a host that is nothing but a parent: it hands its own standard
// input and output on to a server.
func hostMain() {
	server := exec.Command("memlatch")
	server.Stdin, server.Stdout, server.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := server.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
