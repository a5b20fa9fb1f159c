package stage

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// starts are what the case's directory can hold when the actors come.
var starts = []struct {
	name  string
	files []race.File
}{
	{"no pid file", nil},
	{"a dead process's pid file", pidFile(race.Regular, "{dead}\n")},
	{"a link in the pid file's place", []race.File{
		{Name: race.PIDFile, Kind: race.Link, Content: "victim"},
		{Name: "victim", Kind: race.Regular, Content: "precious\n"},
	}},
	{"a FIFO in the pid file's place", pidFile(race.FIFO, "")},
	{"a directory in the pid file's place", pidFile(race.Dir, "")},
	{"an empty pid file", pidFile(race.Regular, "")},
	{"a pid file with another live process's pid", pidFile(race.Regular, "{stranger}\n")},
	{"a pid file with half a pid", pidFile(race.Regular, "12x\n")},
}

func pidFile(kind race.Kind, content string) []race.File {
	return []race.File{{Name: race.PIDFile, Kind: kind, Content: content}}
}

// plays are what actors do.
var plays = []struct {
	name    string
	scripts []string
	but     int // how many of the starts it is not played from
	from    int // how many it is played from, with those
	options map[string]string
	store   bool // there is a store to be uninstalled
	fail    bool // calls can be made to fail
}{
	{name: "a server and a probe", scripts: []string{"acquire release", "probe"}, from: len(starts)},
	{name: "two servers", scripts: []string{"acquire release", "acquire"}, from: 5},
	{name: "two servers, and a signal that comes late", scripts: []string{"acquire release release", "acquire"}, from: 1},
	{name: "two servers with the same pid", scripts: []string{"acquire release", "acquire"}, from: 1, options: map[string]string{OptionPIDs: "same"}},
	{name: "two servers of two users", scripts: []string{"acquire release", "acquire"}, from: 1, options: map[string]string{OptionUsers: "each"}},
	{name: "a server and an uninstall", scripts: []string{"acquire release", "uninstall"}, from: 2, store: true},
	{name: "two servers, and somebody who removes the file", scripts: []string{"acquire check release", "remove acquire"}, from: 1},
	{name: "two servers", scripts: []string{"acquire release", "acquire"}, but: 5, from: len(starts)},
	{name: "two servers whose calls fail", scripts: []string{"acquire check release", "acquire"}, from: 2, fail: true},
	{name: "a server and a probe whose calls fail", scripts: []string{"acquire", "probe"}, from: 2, fail: true},
	{name: "three servers", scripts: []string{"acquire release", "acquire release", "acquire release"}, from: 2},
	{name: "two servers and a probe", scripts: []string{"acquire release", "acquire release", "probe"}, from: 2},
}

// everyFault is the option that lets calls fail in every way that the systems
// know; a file is busy only under Windows.
func everyFault(rules string) map[string]string {
	var names []string
	for _, f := range faults {
		if f.err != lock.ErrBusy || strings.HasPrefix(rules, "windows") || rules == "wine" {
			names = append(names, strings.TrimPrefix(string(f.fault), "fail "))
		}
	}
	return map[string]string{OptionFaults: strings.Join(names, " ")}
}

// Cases returns what a target is tried with on a tier, under the rules of that
// name: the simplest first.
func Cases(target, tier, rules string) []race.Case {
	var cases []race.Case
	for _, play := range plays {
		for _, start := range starts[play.but:play.from] {
			windows := strings.HasPrefix(rules, "windows") || tier == "kernel" && runtime.GOOS == "windows"
			if windows && start.files != nil && start.files[0].Kind == race.FIFO {
				continue // there is no such thing
			}
			c := race.Case{
				Title: start.name + ", " + play.name,
				Tier:  tier, Target: target, Rules: rules,
				Files:   slices.Clone(start.files),
				Options: play.options,
			}
			if play.fail {
				c.Options = everyFault(rules)
			}
			if play.store {
				c.Files = append(c.Files, race.File{Name: Store, Kind: race.Regular, Content: "memories\n"})
			}
			for i, script := range play.scripts {
				c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: strings.Fields(script)})
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// Servers returns what that many actors are tried with who all start and stop
// in as many rounds, or of whom the last one probes: from no pid file, and
// from a dead process's.
func Servers(target, tier, rules string, actors, rounds int) []race.Case {
	var cases []race.Case
	for _, last := range []string{"acquire release", "probe"} {
		for _, start := range starts[:2] {
			c := race.Case{Tier: tier, Target: target, Rules: rules, Files: start.files}
			for i := range actors {
				words := "acquire release"
				if i == actors-1 {
					words = last
				}
				script := slices.Repeat(strings.Fields(words), rounds)
				c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: script})
			}
			c.Title = fmt.Sprintf("%s, %d servers", start.name, actors)
			if last == "probe" {
				c.Title = fmt.Sprintf("%s, %d servers and a probe", start.name, actors-1)
			}
			cases = append(cases, c)
		}
	}
	return cases
}
