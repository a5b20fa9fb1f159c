//go:build unix

// This test proves that a signal ends memlatch even when nobody reads its
// answers, which is how the TypeScript SDK ends a server.
package host_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestUnreadAnswersDoNotOutliveSIGTERM(t *testing.T) {
	h := start(t)
	for err := error(nil); !errors.Is(err, os.ErrDeadlineExceeded); {
		h.in.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err = h.in.WriteString(initialize + "\n"); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	h.in.Close()
	h.cmd.Process.Signal(syscall.SIGTERM)
	h.gone()
}
