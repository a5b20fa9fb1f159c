package main

// Proves that uninstall acts on what is there once nobody else is at work, not
// on what it saw before.

import (
	"io"
	"path/filepath"
	"testing"
)

func TestWhatIsSeizedIsLookedAtAgain(t *testing.T) {
	r := &removal{place: newPlace(t), command: command{stdout: io.Discard}}
	r.exists, r.leftovers = true, []string{filepath.Join(r.home, leftoverPrefix+"gone")}
	s, err := r.seize()
	if err != nil {
		t.Fatal(err)
	}
	defer s.release()
	if !r.nothing() {
		t.Errorf("exists: %t, leftovers: %q", r.exists, r.leftovers)
	}
}
