package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// readerLimit is how long a reader may take. One that waits for a lock finds
// nothing in the meantime.
const readerLimit = 5 * time.Second

// Read runs a command, which reads what is in the place, and returns what it
// says: its output, and how it ended if that is not with exit 0.
func (p *Place) Read(ctx context.Context, l Line) []byte {
	limited, cancel := context.WithTimeout(ctx, readerLimit)
	defer cancel()
	var words []string
	for _, word := range l.Words {
		words = append(words, strings.ReplaceAll(word, "{dir}", p.Dir))
	}
	cmd := exec.CommandContext(limited, words[0], words[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = p.Dir, Env(os.Environ(), p.Dir), time.Second
	said := make(chan []byte)
	go func() { // on another thread: a tracer waits for all children of its own
		out, err := cmd.CombinedOutput()
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			out = fmt.Appendf(out, "%v\n", err)
		}
		said <- out
	}()
	return <-said
}
