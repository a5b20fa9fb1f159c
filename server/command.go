package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// command is a command line's part after its first word, and its streams.
type command struct {
	name           string
	args           []string
	stdin          *os.File
	stdout, stderr io.Writer
}

// run reports do's error, if there is one, and returns its exit code.
func (c command) run(do func() (int, error)) int {
	code, err := do()
	if err != nil {
		return fail(c.stderr, code, err)
	}
	return code
}

// file is the only argument of a command that takes one.
func (c command) file() (string, error) {
	if len(c.args) == 1 {
		return c.args[0], nil
	}
	return "", &problem{what: fmt.Sprintf("%s: needs one FILE", c.name), hint: "run 'memlatch help' for the commands"}
}

// withStore calls do with the store, which it closes afterwards. A signal ends
// the context, and a second one the process.
func (c command) withStore(do func(context.Context, *store) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals...)
	defer stop()
	context.AfterFunc(ctx, stop)
	place, err := find()
	if err != nil {
		return err
	}
	s := newStore(place)
	err = do(ctx, s)
	return errors.Join(err, s.close())
}
