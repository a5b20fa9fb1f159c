package main

// Proves that uninstall waits for those who only look at what it removes.

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDirectoryThatIsBeingReadIsWaitedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	reading, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err == nil {
		t.Skip("this system removes directories that are being read")
	}
	defer time.AfterFunc(100*time.Millisecond, func() { reading.Close() }).Stop()
	r := &removal{command: command{stdout: io.Discard}}
	if err := r.clear(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}
