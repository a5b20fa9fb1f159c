package stage

import (
	"fmt"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/mutant"
	"github.com/memlatch/memlatch/racefuzz/race"
)

// starts are what the case's directory can hold when the actors come.
var starts = []struct {
	name  string
	files []race.File
}{
	{"no pid file", nil},
	{"a dead process's pid file", pidFile(race.Regular, "{dead}\n")},
	{"an empty pid file", pidFile(race.Regular, "")},
	{"a pid file with another live process's pid", pidFile(race.Regular, "{stranger}\n")},
	{"a pid file with half a pid", pidFile(race.Regular, "12x\n")},
	{"a link in the pid file's place", []race.File{
		{Name: race.PIDFile, Kind: race.Link, Content: "victim"},
		{Name: "victim", Kind: race.Regular, Content: "precious\n"},
	}},
	{"a FIFO in the pid file's place", pidFile(race.FIFO, "")},
	{"a directory in the pid file's place", pidFile(race.Dir, "")},
}

func pidFile(kind race.Kind, content string) []race.File {
	return []race.File{{Name: race.PIDFile, Kind: kind, Content: content}}
}

// plays are what actors do.
var plays = []struct {
	name    string
	scripts []string
	store   bool // there is one to be uninstalled
	starts  int  // of the starts, how many it is played from
}{
	{name: "two servers and a probe", scripts: []string{"acquire release", "acquire release", "probe"}, starts: len(starts)},
}

// Cases returns the cases of a target.
func Cases(p mutant.Protocol, tier, rules string) []race.Case {
	var cases []race.Case
	for _, play := range plays {
		for _, start := range starts[:play.starts] {
			if rules != "posix" && rules != "" && strings.Contains(start.name, "FIFO") {
				continue
			}
			c := race.Case{
				Title: fmt.Sprintf("%s, %s", start.name, play.name),
				Tier:  tier, Target: p.Name, Rules: rules, Files: start.files,
			}
			for i, script := range play.scripts {
				c.Actors = append(c.Actors, race.Actor{Name: race.ActorName(i), Script: strings.Fields(script)})
			}
			cases = append(cases, c)
		}
	}
	return cases
}
