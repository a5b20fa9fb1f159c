//go:build unix

package report

// Proves in a real browser that the keys step through the page.

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// presses dispatches each key and notes what the page then says.
const presses = `<script>
addEventListener("load", () => {
  const text = id => document.getElementById(id).textContent;
  const seen = ["", "j", "ArrowDown", "ArrowRight", "k", "ArrowUp", "ArrowLeft", "c", "b", "Home", "k", "End", "j"].map(key => {
    if (key) document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
    const row = document.querySelector("tr[aria-current=step]");
    return [key, row.id, row.cells[2].textContent, document.querySelector("#now b").textContent,
      text("file"), text("lock"), text("invariant").split(" ")[0]].join("|");
  });
  const pre = document.createElement("pre");
  pre.id = "seen";
  pre.textContent = JSON.stringify(seen);
  document.body.append(pre);
});
</script>`

func TestKeysStepThroughThePage(t *testing.T) {
	browser := chromium(t)
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	if err := os.WriteFile(page, []byte(render(t, twoFiles())+presses), 0o600); err != nil {
		t.Fatal(err)
	}
	dom := dump(t, browser, dir, page)
	_, found, _ := strings.Cut(dom, `<pre id="seen">`)
	found, _, ok := strings.Cut(found, "</pre>")
	if !ok {
		t.Fatalf("the page did not come to its end:\n%s", dom)
	}
	var got []string
	if err := json.Unmarshal([]byte(html.UnescapeString(found)), &got); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`|s0||start|no file|nobody|I1`,
		`j|s1||Step 1: a open: ok|[1] ""|nobody|I1`,
		`ArrowDown|s2||Step 2: a lock: ok|[1] ""|[1] a|I1`,
		`ArrowRight|s3||Step 3: a write: ok|[1] 101|[1] a|I1`,
		`k|s2||Step 2: a lock: ok|[1] ""|[1] a|I1`,
		`ArrowUp|s1||Step 1: a open: ok|[1] ""|nobody|I1`,
		`ArrowLeft|s0||start|no file|nobody|I1`,
		`c|s5|open ok|Step 5: b open: ok|[1] 101|[1] a|I1`,
		`b|s15||Step 15: a truncate: ok|[2] 101|[1] b, [2] a|Breaks`,
		`Home|s0||start|no file|nobody|I1`,
		`k|s0||start|no file|nobody|I1`,
		`End|s15||Step 15: a truncate: ok|[2] 101|[1] b, [2] a|Breaks`,
		`j|s15||Step 15: a truncate: ok|[2] 101|[1] b, [2] a|Breaks`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// chromium returns the path of a Chromium, or skips the test.
func chromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium, chromium-browser, google-chrome or chrome in PATH")
	return ""
}

// dump returns the document of a page after it was loaded, from a browser that
// keeps all its files in dir.
//
// All its processes have ended on return: each inherits the standard output,
// and Run waits until the last has closed it.
func dump(t *testing.T, browser, dir, page string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+page)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, stderr.Bytes())
	}
	return stdout.String()
}
