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
	"unicode"
	"unicode/utf8"
)

// command is a command line's part after its first word, and its streams.
type command struct {
	name           string
	args           []string
	stdin          *os.File
	stdout, stderr io.Writer
}

// misused refuses a command line.
func misused(format string, args ...any) error {
	return &problem{what: fmt.Sprintf(format, args...), hint: "run 'memlatch help' for the commands"}
}

// file is the only argument of a command that takes one.
func (c command) file() (string, error) {
	if len(c.args) != 1 {
		return "", misused("%s: needs one FILE", c.name)
	}
	return c.args[0], nil
}

func (c command) flags() *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse reads the arguments, which must all be flags, and the environment.
func (c command) parse(flags *flag.FlagSet) (place, error) {
	err := flags.Parse(c.args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return place{}, misused("%s: %v", c.name, err)
	}
	return find()
}

// withStore calls do with the store, which it closes afterwards, and returns
// the exit code. A signal ends the context, and a second one the process.
func (c command) withStore(do func(context.Context, *store) error) (int, error) {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals...)
	defer stop()
	context.AfterFunc(ctx, stop)
	place, err := find()
	if err != nil {
		return exitFailed, err
	}
	s := newStore(place)
	if err = errors.Join(do(ctx, s), s.close()); err != nil {
		return exitFailed, err
	}
	return exitOK, nil
}

func (c command) search() (int, error) {
	query := strings.Join(c.args, " ")
	if strings.TrimSpace(query) == "" {
		return exitRefused, misused("search: needs WORDS")
	}
	return c.withStore(func(ctx context.Context, s *store) error {
		found, err := s.search(ctx, query, filter{}, 100)
		for _, v := range found {
			c.print(v)
		}
		return err
	})
}

func (c command) list() (int, error) {
	if _, err := c.parse(c.flags()); err != nil {
		return exitRefused, err
	}
	return c.withStore(func(ctx context.Context, s *store) error {
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
	})
}

// print prints a memory as a line.
func (c command) print(v view) {
	line := fmt.Sprintf("%d  %s  %s", v.ID, v.Created.Local().Format("2006-01-02 15:04"), strings.Join(strings.Fields(v.Text+v.Snippet), " "))
	if len(v.Tags) > 0 {
		line += "  [" + strings.Join(v.Tags, ", ") + "]"
	}
	fmt.Fprintln(c.stdout, line)
}

// visible writes text for people, a line or its beginning in each call. What
// could make a terminal do something, or show a line as another one, is written
// as in a string of JSON: names and messages come from other programs' files.
type visible struct{ io.Writer }

func (v visible) Write(text []byte) (int, error) {
	line, end := strings.CutSuffix(string(text), "\n")
	var shown []byte
	for _, r := range line {
		if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			shown = fmt.Appendf(shown, `\u%04x`, r)
		} else {
			shown = utf8.AppendRune(shown, r)
		}
	}
	if end {
		shown = append(shown, '\n')
	}
	_, err := v.Writer.Write(shown)
	return len(text), err
}
