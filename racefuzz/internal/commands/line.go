// Package commands runs command lines that share files, one after the other and
// in places of their own, and judges what they leave when they ran at the same
// time: the files and exit codes in the end must be those of some serial order.
//
// It knows nothing about the programs. What they do at once is made to happen
// by others, under a tracer or by chance; this package has the command lines,
// the directory that they run in, the serial orders and the rules.
package commands

import (
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// Line is a command line as it was given and as it is run.
type Line struct {
	Text  string
	Words []string // the program and its arguments, or a shell with the text
	Shell bool     // a shell runs it
}

// Parse splits a command line as a shell does. Only what needs a shell is given
// to one: pipes, redirections, lists, variables, globs, and commands that are
// part of the shell. It is an error if the text cannot be parsed, or if there is
// no such program. On Windows a backslash is one, as in a path, unless a quote
// follows it or a shell gets to read it.
func Parse(text string) (Line, error) {
	l := Line{Text: strings.TrimSpace(text)}
	file, err := syntaxOf(l.Text, runtime.GOOS == "windows")
	if err != nil {
		return l, fmt.Errorf("%q cannot be read as a shell does: %w", text, err)
	}
	if len(file.Stmts) == 0 {
		return l, fmt.Errorf("%q is no command", text)
	}
	words, simple := plain(file)
	if simple && !builtins[words[0]] {
		if _, err := exec.LookPath(words[0]); err != nil {
			return l, err
		}
		l.Words = words
		return l, nil
	}
	l.Words, l.Shell = []string{"sh", "-c", l.Text}, true
	if _, err = exec.LookPath("sh"); err != nil {
		return l, fmt.Errorf("%q needs a shell, and there is no sh here", l.Text)
	}
	return l, nil
}

// backslashes are some in a row, with the quote that follows them if one does.
var backslashes = regexp.MustCompile(`\\+"?`)

// syntaxOf parses a text. As on Windows, backslashes that no quote follows are
// doubled for the parser, which leaves those within single quotes as they are.
func syntaxOf(text string, asOnWindows bool) (*syntax.File, error) {
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX))
	if !asOnWindows {
		return parser.Parse(strings.NewReader(text), "")
	}
	resized := func(text string, size func(int) int) string {
		return backslashes.ReplaceAllStringFunc(text, func(run string) string {
			if strings.HasSuffix(run, `"`) {
				return run
			}
			return strings.Repeat(`\`, size(len(run)))
		})
	}
	file, err := parser.Parse(strings.NewReader(resized(text, func(n int) int { return 2 * n })), "")
	if err == nil {
		syntax.Walk(file, func(node syntax.Node) bool {
			if quoted, is := node.(*syntax.SglQuoted); is {
				quoted.Value = resized(quoted.Value, func(n int) int { return n / 2 })
			}
			return true
		})
	}
	return file, err
}

// builtins are the commands of a shell that are no programs.
var builtins = map[string]bool{
	".": true, ":": true, "alias": true, "break": true, "cd": true, "command": true, "continue": true, "eval": true, "exec": true,
	"exit": true, "export": true, "read": true, "readonly": true, "return": true, "set": true, "shift": true, "times": true,
	"trap": true, "type": true, "ulimit": true, "umask": true, "unalias": true, "unset": true, "wait": true,
}

// plain returns the words of a command that needs no shell.
func plain(file *syntax.File) (words []string, ok bool) {
	if len(file.Stmts) != 1 {
		return nil, false
	}
	stmt := file.Stmts[0]
	call, is := stmt.Cmd.(*syntax.CallExpr)
	if !is || len(stmt.Redirs) > 0 || stmt.Negated || stmt.Background || stmt.Coprocess || len(call.Assigns) > 0 || len(call.Args) == 0 {
		return nil, false
	}
	for _, w := range call.Args {
		if !literal(w) {
			return nil, false
		}
		fields, err := expand.Fields(nil, w)
		if err != nil || len(fields) != 1 {
			return nil, false
		}
		words = append(words, fields[0])
	}
	return words, true
}

// literal reports whether the word means the same without a shell.
func literal(w *syntax.Word) bool {
	for i, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(part.Value, "*?[,") && strings.ContainsAny(part.Value, "*?[{") || i == 0 && strings.HasPrefix(part.Value, "~") {
				return false
			}
		case *syntax.SglQuoted:
			if part.Dollar {
				return false
			}
		case *syntax.DblQuoted:
			for _, inner := range part.Parts {
				if _, is := inner.(*syntax.Lit); !is || part.Dollar {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}
