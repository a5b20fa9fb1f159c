package race

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// Recording is a case with one schedule and what came of it: what is saved of
// a race, and replayed.
type Recording struct {
	Case     Case
	Schedule Schedule
	Verdict  Verdict
	// Lanes is the interleaving drawn for people. It is written, not read.
	Lanes string
}

// Format returns r as a txtar archive:
//
//	A sentence that says what happens.
//
//	-- case --
//	tier kernel
//	target no-recheck
//	actor a acquire release
//	file server.pid
//	-- files/server.pid --
//	4242
//	-- schedule --
//	a open: ok
//	b open: ok
//	-- verdict --
//	I1: a and b both hold the file
//	-- end --
func (r Recording) Format() []byte {
	ar := &txtar.Archive{Comment: []byte(r.Case.Title + "\n\n")}
	section := func(name, text string) {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(text)})
	}
	section("case", r.Case.format())
	for _, f := range r.Case.Files {
		if f.hasText() && strings.HasSuffix(f.Content, "\n") {
			section("files/"+f.Name, f.Content)
		}
	}
	var steps strings.Builder
	for _, s := range r.Schedule {
		fmt.Fprintln(&steps, s)
	}
	section("schedule", steps.String())
	section("verdict", r.Verdict.String())
	if r.Lanes != "" {
		section("lanes", r.Lanes)
	}
	section(lastSection, "")
	return txtar.Format(ar)
}

// A recording of this format ends with an empty section, so that one that was
// cut is known. Those without a format are older, and have none.
const (
	format      = "2"
	lastSection = "end"
)

// format writes the case section. Content that is not whole lines, which an
// archive cannot hold, stands quoted behind the file's name.
func (c Case) format() string {
	var b strings.Builder
	line := func(words ...string) { fmt.Fprintln(&b, strings.Join(words, " ")) }
	line("format", format)
	line("tier", c.Tier)
	line("target", c.Target)
	if c.Rules != "" {
		line("rules", c.Rules)
	}
	for _, word := range c.Command {
		line("command", strconv.Quote(word))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		line("option", name, c.Options[name])
	}
	for _, f := range c.Files {
		words := []string{string(f.Kind), f.Name}
		if f.Perm != 0 {
			words = append(words, fmt.Sprintf("%04o", f.Perm))
		}
		if f.Kind == Link || f.hasText() && !strings.HasSuffix(f.Content, "\n") {
			words = append(words, strconv.Quote(f.Content))
		}
		line(words...)
	}
	for _, a := range c.Actors {
		line(append([]string{"actor", a.Name}, a.Script...)...)
	}
	return b.String()
}

func (f File) hasText() bool { return f.Kind == Regular || f.Kind == Config }

// ParseRecording is the inverse of [Recording.Format]. One that is not whole is
// an error.
func ParseRecording(data []byte) (Recording, error) {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return Recording{}, errors.New("it ends in the middle of a line: a saved case that was cut")
	}
	ar := txtar.Parse(data)
	section := map[string]string{}
	for _, f := range ar.Files {
		section[f.Name] = string(f.Data)
	}
	if last := len(ar.Files) - 1; strings.HasPrefix(section["case"], "format ") && ar.Files[last].Name != lastSection {
		return Recording{}, fmt.Errorf("no section %q after the last one, %q: a saved case that was cut", lastSection, ar.Files[last].Name)
	}
	var r Recording
	r.Case.Title = string(bytes.TrimSpace(ar.Comment))
	for _, name := range []string{"case", "schedule", "verdict"} {
		if _, ok := section[name]; !ok {
			return r, fmt.Errorf("no section %q: not a saved case", name)
		}
	}
	for text := range strings.Lines(section["case"]) {
		if err := r.Case.parseLine(strings.TrimSpace(text), section); err != nil {
			return r, fmt.Errorf("section case, line %q: %w", strings.TrimSpace(text), err)
		}
	}
	for text := range strings.Lines(section["schedule"]) {
		step, ok := ParseStep(strings.TrimSuffix(text, "\n"))
		if !ok {
			return r, fmt.Errorf("section schedule, line %q: want ACTOR OP: RESULT", text)
		}
		r.Schedule = append(r.Schedule, step)
	}
	var ok bool
	if r.Verdict, ok = ParseVerdict(strings.TrimSpace(section["verdict"])); !ok {
		return r, fmt.Errorf("section verdict: %q names no invariant", section["verdict"])
	}
	return r, nil
}

func (c *Case) parseLine(text string, section map[string]string) error {
	key, rest, _ := strings.Cut(text, " ")
	switch key {
	case "":
	case "format":
		if rest != format {
			return fmt.Errorf("format %s is not known here, only %s", rest, format)
		}
	case "tier":
		c.Tier = rest
	case "target":
		c.Target = rest
	case "rules":
		c.Rules = rest
	case "command":
		word, err := strconv.Unquote(rest)
		if err != nil {
			return err
		}
		c.Command = append(c.Command, word)
	case "option":
		name, value, _ := strings.Cut(rest, " ")
		if c.Options == nil {
			c.Options = map[string]string{}
		}
		c.Options[name] = value
	case "actor":
		words := strings.Fields(rest)
		if len(words) == 0 {
			return fmt.Errorf("an actor has a name")
		}
		c.Actors = append(c.Actors, Actor{Name: words[0], Script: words[1:]})
	case string(Regular), string(Config), string(Link), string(Dir), string(FIFO):
		f, err := parseFile(Kind(key), rest)
		if err != nil {
			return err
		}
		if text, ok := section["files/"+f.Name]; ok {
			f.Content = text
		}
		c.Files = append(c.Files, f)
	default:
		return fmt.Errorf("unknown word %q", key)
	}
	return nil
}

// parseFile reads NAME [PERM] ["CONTENT"].
func parseFile(kind Kind, text string) (File, error) {
	name, rest, _ := strings.Cut(text, " ")
	f := File{Name: name, Kind: kind}
	if !fs.ValidPath(name) || name == "." {
		return f, fmt.Errorf("%q is not a name inside the case's directory", name)
	}
	if perm, after, _ := strings.Cut(rest, " "); perm != "" && perm[0] != '"' {
		bits, err := strconv.ParseUint(perm, 8, 32)
		if err != nil {
			return f, err
		}
		f.Perm, rest = uint32(bits), after
	}
	if rest == "" {
		return f, nil
	}
	var err error
	f.Content, err = strconv.Unquote(rest)
	return f, err
}
