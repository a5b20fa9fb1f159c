package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
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

func (c command) search() (int, error) {
	query := strings.Join(c.args, " ")
	if strings.TrimSpace(query) == "" {
		return exitRefused, &problem{what: "search: needs WORDS", hint: "run 'memlatch help' for the commands"}
	}
	return done(c.withStore(func(ctx context.Context, s *store) error {
		found, err := s.search(ctx, query, filter{}, 100)
		for _, v := range found {
			c.print(v)
		}
		return err
	}))
}

func (c command) list() (int, error) {
	if err := parseFlags(flag.NewFlagSet(c.name, flag.ContinueOnError), c.args); err != nil {
		return exitRefused, err
	}
	return done(c.withStore(func(ctx context.Context, s *store) error {
		for cursor := ""; ; {
			memories, err := s.list(ctx, filter{}, cursor, 1000)
			for _, m := range memories {
				c.print(m.view(shorten(m.Text, 0)))
				cursor = m.cursor()
			}
			if len(memories) == 0 || err != nil {
				return err
			}
		}
	}))
}

// done is the exit code for what ended with err.
func done(err error) (int, error) {
	if err != nil {
		return exitFailed, err
	}
	return exitOK, nil
}

// print prints a memory as a line.
func (c command) print(v view) {
	line := fmt.Sprintf("%d  %s  %s", v.ID, v.Created.Local().Format("2006-01-02 15:04"), strings.Join(strings.Fields(v.Text+v.Snippet), " "))
	if len(v.Tags) > 0 {
		line += "  [" + strings.Join(v.Tags, ", ") + "]"
	}
	fmt.Fprintln(c.stdout, line)
}
