package trace

import (
	"cmp"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Words of moves that are not system calls.
const (
	opStart  = "start"
	opProbe  = "probe" // asks whether a server runs
	opStop   = "stop"
	opWait   = "wait" // until a server that waits for something looks whether it has come
	opCrash  = string(race.Crash)
	opRun    = "run"    // a command that is no server
	opRemove = "remove" // an operator's rm
)

// failing begins the result of a step that was made to fail.
const failing = "fail "

// settings are how the program under test is used and what it promises, as
// they stand in [race.Case.Options].
type settings struct {
	ready   string
	stop    string
	losers  string
	pidFile string // name of the pid file, if not the usual one
	lock    string // name of a separate lock file, or ""
	content string // what the pid file holds while it serves, "{pid}" for the pid; "" when nothing is promised
	leaves  string // names in the directory when it has stopped in order
	probe   string // command line
	beside  string // command line of what is run beside the servers
	inject  string
	lenient string // "yes" where a start may empty a dead server's file before it writes its own pid
	faults  string // errors that any step may fail with, by name
	program string // what the command's first word stands for
	beats   string // "yes" where a server does something from time to time while it serves
	calls   string // which are steps: "every", or "" in cases from before that
}

// fields are the settings by the names of their options.
func (s *settings) fields() map[string]*string {
	return map[string]*string{
		"ready": &s.ready, "stop": &s.stop, "losers": &s.losers, "pidfile": &s.pidFile, "lockfile": &s.lock, "content": &s.content,
		"leaves": &s.leaves, "probe": &s.probe, "beside": &s.beside, "inject": &s.inject, "lenient": &s.lenient, "faults": &s.faults,
		"program": &s.program, "calls": &s.calls, "beats": &s.beats,
	}
}

func (s *settings) pidName() string { return cmp.Or(s.pidFile, race.PIDFile) }

func (s *settings) options() map[string]string { return race.QuoteOptions(s.fields()) }

func parseSettings(options map[string]string) (s settings, err error) {
	err = race.UnquoteOptions(options, s.fields())
	return s, err
}

// joinWords and splitWords put a command into a setting, which stays readable
// as long as no word has a space in it.
func joinWords(words []string) string {
	if strings.Contains(strings.Join(words, ""), " ") {
		return strings.Join(words, "\x00")
	}
	return strings.Join(words, " ")
}

func splitWords(text string) []string {
	if strings.Contains(text, "\x00") {
		return strings.Split(text, "\x00")
	}
	return strings.Fields(text)
}
