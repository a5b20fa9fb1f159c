package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

const replayMode = "replay"

const replayManual = `Usage: racefuzz replay [flags] FILE...

Runs races again that racefuzz has saved: step by step where it had the turns in
its hand, and otherwise until the case breaks, for up to 60 runs.

A saved race of a program runs that program: replay only what you would run as a
command of your own. The command is printed first. A file that was cut, or that
is no saved race, is refused, and nothing is made outside of the directory that
racefuzz makes for it but what the race has -in, which is printed too and put
back in the end. In a terminal you are asked before a file is run that is not
from the testdata of the module that you are in.

Flags:
    -y              do not ask
    -server PATH    run this memlatch, where the race is one of memlatch
    -workers N      runs at once, where the timing is random
    -time D         stop after a duration such as 10m
    -stacks         write the program's stacks at the marked steps, where it is
                    stopped at system calls
    -html FILE      also write the race as a page to step through; one FILE only
    -json           write JSON, one object a line
    -v              write a line for each run
    -q              write little besides the verdict

Exit codes: 1 it is a race again, 3 it is not, 2 a file cannot be replayed; with
several files the largest of them.

Example:
    racefuzz replay testdata/races/no-recheck.txtar -html race.html
`

// replay is the mode in which saved races are run again.
type replay struct {
	common
	files    []string
	recorded []race.Recording
	yes      bool
}

func (r *replay) flags(f *flag.FlagSet) {
	f.BoolVar(&r.yes, "y", false, "")
	f.BoolVar(&r.stacks, "stacks", false, "")
	r.replays(f)
	r.serves(f)
}

func (r *replay) check(given map[string]bool, words, command []string) error {
	switch {
	case len(words) == 0:
		return errors.New("no file to replay")
	case len(command) > 0:
		return errors.New("a saved race has its own program")
	case r.html != "" && len(words) > 1:
		return errors.New("-html is for one file")
	}
	r.files, r.replay = words, strings.Join(words, " ")
	for _, name := range words {
		recorded, err := load(name)
		if err != nil {
			return err
		}
		r.recorded = append(r.recorded, recorded)
	}
	r.tier, r.target = r.recorded[0].Case.Tier, r.recorded[0].Case.Target
	return r.writable()
}

func (r *replay) run(ctx context.Context, out *output) (int, error) {
	out.begin()
	if !r.yes && term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())) {
		if err := r.ask(os.Stdin, os.Stderr); err != nil {
			return 0, err
		}
	}
	worst := exitClean
	for i, recorded := range r.recorded {
		if len(r.files) > 1 && !r.json {
			out.text("%s", r.files[i])
		}
		out.runs(recorded.Case)
		code, err := r.one(ctx, recorded, out)
		if err != nil || ctx.Err() != nil {
			return code, err
		}
		worst = max(worst, code)
	}
	return worst, nil
}

// ask shows what the files run that are from elsewhere, and asks whether that may
// be.
func (r *replay) ask(in io.Reader, to io.Writer) error {
	asks := false
	for i, recorded := range r.recorded {
		lines := commandLines(recorded.Case)
		if len(lines) == 0 || ownTestdata(r.files[i]) {
			continue
		}
		asks = true
		fmt.Fprintf(to, "%s runs:\n", r.files[i])
		for _, line := range lines {
			fmt.Fprintf(to, "    %s\n", line)
		}
		for _, path := range texts(recorded.Case, "in") {
			fmt.Fprintf(to, "    with %s, which is put aside meanwhile\n", path)
		}
	}
	if !asks {
		return nil
	}
	fmt.Fprint(to, "Run that here, as you? [y/N] ")
	answer, _ := bufio.NewReader(in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return &problem{errors.New("nothing was run"), "read the file first; -y answers the question"}
	}
	return nil
}

// ownTestdata reports whether a file is in the testdata of the module that the
// working directory is in.
func ownTestdata(name string) bool {
	path, err := filepath.Abs(name)
	if err != nil {
		return false
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return false
	}
	module, found := moduleRoot()
	if module, err = filepath.EvalSymlinks(module); !found || err != nil {
		return false
	}
	inside, err := filepath.Rel(module, path)
	return err == nil && filepath.IsLocal(inside) && slices.Contains(strings.Split(filepath.ToSlash(inside), "/"), "testdata")
}

// one runs one of them again.
func (r *replay) one(ctx context.Context, recorded race.Recording, out *output) (int, error) {
	c := recorded.Case
	if c.Target == commandsTarget && c.Tier == proc.Tier {
		return replayTogether(ctx, &r.common, recorded, out)
	}
	if c.Target == commandsTarget {
		return inTemp(func(dir string) (int, error) { return replayCommands(ctx, dir, recorded, out) })
	}
	switch c.Tier {
	case proc.Tier:
		return withSession(&r.common, out, func(s *session) (code int, err error) {
			if len(c.Command) == 0 {
				var took time.Duration
				if s.target, took, err = r.find(ctx, c.Target, s.arena.Dir); err != nil {
					return s.orInterrupted(ctx, err)
				}
				out.built(took)
			}
			limited, cancel := r.limit(ctx)
			defer cancel()
			return s.again(limited, c)
		})
	case tierModel, tierKernel:
		return inTemp(func(dir string) (int, error) {
			tier := stageTier(c.Tier, dir)
			code, err := again(tier, recorded, out)
			return code, errors.Join(err, tier.Close())
		})
	case trace.Name:
		return inTemp(func(dir string) (int, error) {
			tier := trace.Tier{Dir: dir, Noticed: out.noticed, Passed: out.passed, Done: ctx.Done(), Stacks: r.stacks}
			if c.Target == shipped {
				built, took, err := r.find(ctx, shipped, dir)
				if err != nil {
					return 0, err
				}
				out.built(took)
				tier.Server = built.Path
			}
			return again(tier, recorded, out)
		})
	}
	return 0, fmt.Errorf("no tier %q: process, model, kernel or syscall", c.Tier)
}
