package main

// Proves that a junction is refused as a link is.

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestJunctionIsRefused(t *testing.T) {
	dir := t.TempDir()
	junction := filepath.Join(dir, "junction")
	said, err := exec.Command("cmd", "/c", "mklink", "/J", junction, t.TempDir()).CombinedOutput()
	if err == nil {
		_, err = os.Lstat(junction)
	}
	if err != nil {
		t.Skipf("no junctions here: %v: %s", err, said)
	}
	if err := private(homeKind, junction); err == nil || !strings.Contains(err.Error(), "is a junction") {
		t.Errorf("%v, want a refusal of the junction", err)
	}
}
