package main

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/memlatch/memlatch/lock"
)

// claimInterval is how often a standby asks for the pid file and its holder
// makes sure that it still is the holder. Both cost two or three system calls.
const claimInterval = 250 * time.Millisecond

// claim is one server's part in the pid file: the holder is recorded there,
// every other server is a standby that takes over when the holder goes.
type claim struct {
	path string
	log  *log.Logger

	mu    sync.Mutex
	file  *lock.PIDFile // nil in a standby
	trust error         // why the last try failed, other than by a holder
}

// newClaim tries once. That somebody else holds the pid file is no error.
func newClaim(p place, log *log.Logger) (*claim, error) {
	dir, err := runtimeDir()
	if err != nil {
		return nil, err
	}
	c := &claim{path: filepath.Join(dir, p.pidName), log: log}
	c.try()
	if c.trust != nil {
		return nil, pidFileProblem(c.path, c.trust)
	}
	return c, nil
}

// keep makes the claim good until ctx ends.
func (c *claim) keep(ctx context.Context) {
	for {
		// Jitter keeps standbys that started together from asking together.
		pause := claimInterval*3/4 + rand.N(claimInterval/2)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			c.tend()
		}
	}
}

func (c *claim) tend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		err := c.file.Check()
		if err == nil {
			return
		}
		c.log.Printf("%v; recording this server again", err)
		c.file.Release()
		c.file = nil
	}
	before := c.trust
	c.try()
	switch {
	case c.file != nil:
		c.log.Printf("now the recorded server, in %s", c.path)
	case c.trust != nil && (before == nil || before.Error() != c.trust.Error()):
		c.log.Printf("cannot be recorded: %v", c.trust)
	}
}

func (c *claim) try() {
	c.file, c.trust = lock.Acquire(c.path)
	if errors.Is(c.trust, fs.ErrNotExist) { // the directory was removed
		if _, c.trust = runtimeDir(); c.trust == nil {
			c.file, c.trust = lock.Acquire(c.path)
		}
	}
	if errors.Is(c.trust, lock.ErrHeld) {
		c.trust = nil
	}
}

// holder reports whether this server is the recorded one, and if it is
// neither that nor a standby, why.
func (c *claim) holder() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.file != nil, c.trust
}

// release removes the pid file if it is this server's. [claim.keep] must
// have been told to end; it cannot take the file again.
func (c *claim) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	return c.file.Release()
}

// pidFileProblem adds the remedy to an error of package lock.
func pidFileProblem(path string, err error) error {
	p := &problem{what: "cannot use the pid file", err: err}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && pathErr.Op == "open" {
		p.hint = remove(path) + ", " + elsewhere
	}
	if errors.Is(err, errors.ErrUnsupported) {
		p.hint = "set MEMLATCH_RUNTIME_DIR to a directory on a local file system"
	}
	return p
}
