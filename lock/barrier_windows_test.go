package lock

// Proves that a barrier whose file is being removed is waited for.

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

func TestBarrierWaitsForARemoval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	if err := mustTake(t, Share, path).Release(); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	remover, err := windows.CreateFile(name, windows.DELETE, shareAll, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Share(over, path); !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		t.Errorf("without time to wait: %v, want a sharing violation", err)
	}
	mustWait(t, path, func() error { return windows.CloseHandle(remover) })
}
