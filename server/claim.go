package main

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/memlatch/memlatch/lock"
)

// claimInterval is how often a standby asks for the pid file and its holder
// makes sure that it still is the holder. The holder's look is one system call,
// a standby's some twenty.
const claimInterval = 250 * time.Millisecond

// claim is one server's part in the pid file: the holder is recorded there,
// every other server is a standby that takes over when the holder goes.
type claim struct {
	log *log.Logger

	mu   sync.Mutex
	path string
	file *lock.PIDFile // nil in a standby
	err  error         // why this server is neither, or nil
}

// start tries once. That somebody else holds the pid file is no error, and a
// server that cannot be recorded serves all the same.
func (c *claim) start(p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.path = p.pidName
	c.try()
}

// keep makes the claim good until ctx ends, and calls also as often.
func (c *claim) keep(ctx context.Context, also func()) {
	// Jitter keeps standbys that started together from asking together.
	for pause(ctx, claimInterval*3/4+rand.N(claimInterval/2)) {
		c.tend()
		also()
	}
}

func (c *claim) tend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		c.err = c.file.Check()
		if !errors.Is(c.err, lock.ErrLost) {
			return
		}
		c.log.Printf("%v; recording this server again", c.err)
		c.file.Release()
	}
	c.try()
	if c.file != nil {
		c.log.Printf("now the recorded server, in %s", c.path)
	}
}

// try asks for the pid file, in the directory where it was the last time
// unless that was of no use.
func (c *claim) try() {
	before := c.err
	c.file, c.err = nil, fs.ErrNotExist
	if before == nil && filepath.IsAbs(c.path) {
		c.file, c.err = acquire(c.path)
	}
	for tries := 0; errors.Is(c.err, fs.ErrNotExist) && tries < 10; tries++ { // perhaps an uninstall has removed the directory since
		var dir string
		dir, c.err = runtimeDir()
		c.path = filepath.Join(dir, filepath.Base(c.path))
		if c.err == nil {
			c.file, c.err = acquire(c.path)
		}
	}
	if errors.Is(c.err, lock.ErrHeld) || errors.Is(c.err, lock.ErrBusy) {
		c.err = nil // a standby asks again
	}
	if c.err != nil && (before == nil || before.Error() != c.err.Error()) {
		c.log.Print("this server is not recorded: ", explain(c.err))
	}
}

// role returns this server's part, the pid file's path, and what is wrong with
// it, if anything.
func (c *claim) role() (role, path string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.file != nil:
		role = "holder"
	case c.err != nil:
		role = "unrecorded"
	default:
		role = "standby"
	}
	return role, c.path, c.err
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

// acquire takes the pid file in a runtime directory that was safe a moment
// ago. An error other than [lock.ErrHeld] comes with its remedy.
func acquire(path string) (*lock.PIDFile, error) {
	f, err := lock.Acquire(path)
	if err == nil || errors.Is(err, lock.ErrHeld) {
		return f, err
	}
	p := &problem{what: "cannot use the pid file", err: err, hint: elsewhere}
	info, statErr := os.Lstat(path)
	if statErr == nil && (!info.Mode().IsRegular() || errors.Is(err, fs.ErrPermission)) {
		p.hint = orRemove(path, elsewhere)
	}
	return nil, p
}
