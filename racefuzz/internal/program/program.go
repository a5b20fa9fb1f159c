package program

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Program is a daemon that nobody here wrote, how it is used and what it
// promises. In its command and its files {pidfile}, {dir} and {caseport} stand
// for the pid file, the case's directory and a TCP port on the loopback
// interface that is free for all actors, and in its command {n} and {port} for
// the actor's number and a free port of its own. What is left empty is found
// out by running it; see [Program.Learn].
type Program struct {
	Command []string
	Files   []race.File // its files, of kind [race.Config], which it must leave as they are

	// What stands in the options of a case; see [Program.All].
	Ready    string // "quiet" (it sleeps), "file" (the pid file is there), "exit" (its command has ended), or a regular expression of its output
	Stop     string // "eof", "term", "int", or a command
	Losers   string // what a refused start does: "exit" or "serve"
	PIDFile  string // name of the pid file in the case's directory, if not the usual one
	LockFile string // name of a separate lock file there
	Probe    string // command that asks whether a server runs: exit status 0 says yes, 1 to 3 no
	Beside   string // command that is run once beside the servers, such as an uninstaller
	Inject   string // system calls that fail, as "flock:error=ENOLCK:when=2"
	MayEmpty string // "yes" where a start may empty a dead server's pid file before it writes its own pid
	Pass     string // verdicts to pass over, with a [Separator] between them; see [Program.Passes]
	User     string // whom it runs as, if not who runs racefuzz
	Faults   string // errors that any step may be made to fail with: names, or "all"

	// What is only found out, and stands there as well.
	Content string // of the pid file while it serves, "{pid}" for the pid; [Somewhere]; or "" when nothing is promised
	Leaves  string // names in the directory when it has stopped in order, as [Names] has them
	Direct  string // what the command's first word stands for
	Settles string // how long a start that is refused may live, at most
	Stops   string // how long one that is told to stop may live; "" for the usual time
	Beats   string // "yes" where a server does something from time to time while it serves
	Clock   string // when a case begins, in RFC 3339, by the clock of its own; "" for the machine's
	Calls   string // which system calls are steps: "every", or "" in older cases

	// What only the choice of cases asks for.
	NoStale   bool   // none begins with what a dead server leaves
	RealTime  string // "yes": by the machine's clock, not one of the case's own
	EarlyStop bool   // as well a stop in the middle of a start
	Tamper    bool   // as well what most daemons get wrong: an operator's rm, and a link in the place of the pid file

	Stale []race.File // what is left of a server that is killed while it serves, with "{dead}" for its pid
	Taken []race.File // the same with "{stranger}" for it: somebody else has the pid by now
	Notes []string    // what is odd about what it does alone, for people
}

// Somewhere is the content of a pid file of which only the pid is always there.
const Somewhere = "... {pid} ..."

// Setting is one of the settings. What has a usage is a flag, too.
type Setting struct {
	Name   string
	Old    string // what it was called before, or ""
	Usage  string // of the flag, for people
	Switch bool   // it is either "yes" or empty
	Many   bool   // it may have several values
	Value  *string
}

// All returns the settings, the flags first and in the order in which they are
// explained.
func (p *Program) All() []Setting {
	return []Setting{
		{Name: "ready", Value: &p.Ready, Usage: `
    -ready WHAT     when it serves: "file" (its pid file is there), "quiet" (it
                    waits), "exit" (its command ends, and it stays in the back-
                    ground), or a regular expression of a line of its output`},
		{Name: "stop", Value: &p.Stop, Usage: `
    -stop HOW       eof, term, int, or a command that stops it`},
		{Name: "losers", Value: &p.Losers, Usage: `
    -losers WHAT    what a refused start does: exit, serve, or auto (as is seen)`},
		{Name: "pidfile", Value: &p.PIDFile, Usage: `
    -pidfile NAME   its pid file in {dir} (default server.pid)`},
		{Name: "lockfile", Value: &p.LockFile, Usage: `
    -lockfile NAME  its lock is another file in {dir}`},
		{Name: "probe", Value: &p.Probe, Usage: `
    -probe COMMAND  is run beside it: exit code 0 says it runs, 1 to 3 not`},
		{Name: "beside", Value: &p.Beside, Usage: `
    -beside COMMAND is run once beside the servers, such as an uninstaller`},
		{Name: "inject", Value: &p.Inject, Usage: `
    -inject WHAT    make calls fail, as in flock:error=ENOLCK:when=2`},
		{Name: "may-empty", Old: "lenient", Switch: true, Value: &p.MayEmpty, Usage: `
    -may-empty      a start may first empty a dead server's file, as most do`},
		{Name: "pass", Many: true, Value: &p.Pass, Usage: `
    -pass 'I4 WORDS' goes on where I4 is broken with these words, for it is by
                    design; may be given again`},
		{Name: "real-time", Switch: true, Value: &p.RealTime, Usage: `
    -real-time      let it wait for the machine's clock, not for one of its own`},
		{Name: "user", Value: &p.User, Usage: `
    -user NAME      run it as somebody whom mode bits keep out; needs root`},
		{Name: "faults", Value: &p.Faults},
		{Name: "content", Value: &p.Content},
		{Name: "leaves", Value: &p.Leaves},
		{Name: "program", Value: &p.Direct},
		{Name: "settles", Value: &p.Settles},
		{Name: "stops", Value: &p.Stops},
		{Name: "beats", Value: &p.Beats},
		{Name: "clock", Value: &p.Clock},
		{Name: "calls", Value: &p.Calls},
	}
}

// Options returns the settings as a case has them.
func (p *Program) Options() map[string]string {
	fields := map[string]*string{}
	for _, f := range p.All() {
		fields[f.Name] = f.Value
	}
	return race.QuoteOptions(fields)
}

// Of returns the program of a case with its settings.
func Of(c race.Case) (p Program, err error) {
	fields := map[string]*string{}
	for _, f := range p.All() {
		fields[f.Name] = f.Value
		if f.Old != "" {
			fields[f.Old] = f.Value
		}
	}
	p.Command, p.Files = c.Command, c.Files
	err = race.UnquoteOptions(c.Options, fields)
	return p, err
}

// Check returns an error for a setting that makes no sense.
func (p *Program) Check() error {
	_, err := p.Pattern()
	_, passErr := p.Passes()
	_, userErr := p.Account()
	switch {
	case userErr != nil:
		return userErr
	case passErr != nil:
		return passErr
	case err != nil:
		return fmt.Errorf("-ready %q: file, quiet, exit, or a regular expression, and as one: %v", p.Ready, err)
	case !slices.Contains([]string{"", "exit", "serve"}, p.Losers):
		return fmt.Errorf("-losers %q: exit, serve or auto", p.Losers)
	case p.PIDFile != "" && !fs.ValidPath(p.PIDFile) || p.PIDFile == ".":
		return fmt.Errorf("-pidfile %q: a name in {dir}, such as lock/pid", p.PIDFile)
	}
	return nil
}

// PIDName is the name of the pid file in the case's directory.
func (p *Program) PIDName() string { return cmp.Or(p.PIDFile, race.PIDFile) }

// Parents are the directories inside that of the case in which the pid file is.
func (p *Program) Parents() (dirs []race.File) {
	for dir := path.Dir(p.PIDName()); dir != "."; dir = path.Dir(dir) {
		dirs = slices.Insert(dirs, 0, race.File{Name: dir, Kind: race.Dir})
	}
	return dirs
}

// Pattern is that of the output of a program that is ready, or nil.
func (p *Program) Pattern() (*regexp.Regexp, error) {
	if slices.Contains([]string{"", "quiet", "file", "exit"}, p.Ready) {
		return nil, nil
	}
	return regexp.Compile(p.Ready)
}

// Found returns what the pid file may hold that a process left behind.
func (p *Program) Found(pid string) string {
	if p.Content == Somewhere {
		return pid + "\n"
	}
	return strings.ReplaceAll(p.Content, "{pid}", pid)
}

// SplitWords returns the words of a command in a setting: where one of them has
// a space in it, they are separated by NUL.
func SplitWords(text string) []string {
	if strings.Contains(text, "\x00") {
		return strings.Split(text, "\x00")
	}
	return strings.Fields(text)
}

// Names makes one setting of the names of files. Those that have neither spaces nor commas stay readable.
func Names(names []string) string {
	text := strings.Join(names, ", ")
	if strings.ContainsAny(strings.Join(names, ""), " ,") {
		text = "/" + strings.Join(names, "/")
	}
	return text
}

// SplitNames returns the names in a setting; in older cases there are only
// spaces between them.
func SplitNames(text string) []string {
	if names, ok := strings.CutPrefix(text, "/"); ok {
		return strings.Split(names, "/")
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// IsRelic reports whether a file of a case is what a dead server of the program
// may have left in the place of its pid file: a file, a link or a directory
// that names it, or what is in that directory.
func (p *Program) IsRelic(f race.File, c []race.File) bool {
	below := p.PIDName() + "/"
	switch {
	case f.Name != p.PIDName():
		return strings.HasPrefix(f.Name, below)
	case f.Kind == race.Dir:
		return slices.ContainsFunc(c, func(g race.File) bool { return strings.HasPrefix(g.Name, below) })
	case f.Kind == race.Link:
		return strings.Contains(f.Content, "{dead}") || strings.Contains(f.Content, "{stranger}")
	}
	return f.Kind == race.Regular
}
