package hunt

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
	"github.com/memlatch/memlatch/racefuzz/internal/report"
	"github.com/memlatch/memlatch/racefuzz/internal/trace"
)

// Finding is a race that was found and replayed.
type Finding struct {
	explore.Witness
	Report report.Report // what people get to see of it
	Ran    int           // so often it was replayed, every time with the same verdict
	name   string
}

// replays is how often a witness is replayed before it is reported.
const replays = 3

// Find replays what a search has found, with the file in which it shows at the
// right of the lanes. An error matching [explore.ErrNotReproduced] says that the
// same steps do not always break the same.
func (o Options) Find(set *trace.Commands, w explore.Witness) (Finding, error) {
	f := Finding{Witness: w, name: o.Name(w.Verdict)}
	f.Case.Options = o.settings()
	stops := trace.StopsOf(w.Events)
	for i, stop := range stops {
		f.Case.Options[fmt.Sprintf("stop.%02d", i+1)] = strconv.Quote(stop.String())
	}
	for ; f.Ran < replays; f.Ran++ {
		again, file, err := set.Repeat(f.Case, stops)
		if err != nil {
			return f, errors.Join(explore.ErrNotReproduced, err)
		}
		if again.Verdict.Invariant != w.Verdict.Invariant || again.Verdict.Reason != w.Verdict.Reason {
			return f, fmt.Errorf("%w: stopped in the same places, but %s", explore.ErrNotReproduced, again.Verdict)
		}
		f.Events, f.Verdict = again.Events, again.Verdict
		f.Case.Options["pidfile"] = strconv.Quote(file)
	}
	f.Case.Title = o.Title(f.Verdict)
	f.Report = Show(set, f.Witness)
	return f, nil
}

// Replay runs a saved case again. The error is a [*explore.Diverged] if the
// commands do something else.
func Replay(set *trace.Commands, c race.Case) (explore.Witness, error) {
	var stops []trace.Stop
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		if strings.HasPrefix(name, "stop.") {
			text, err := strconv.Unquote(c.Options[name])
			if err != nil {
				return explore.Witness{}, err
			}
			stop, err := trace.ParseStop(text)
			if err != nil {
				return explore.Witness{}, err
			}
			stops = append(stops, stop)
		}
	}
	w, _, err := set.Repeat(c, stops)
	return w, err
}

// Show is a witness with the steps that people need to see of it.
func Show(set *trace.Commands, w explore.Witness) report.Report {
	r := report.Report{Case: w.Case.Clone(), Verdict: w.Verdict}
	for i := range r.Case.Actors {
		r.Case.Actors[i].Script = []string{set.Text(r.Case.Actors[i].Name)}
	}
	kept, pair := set.Racing(w.Events, w.Case.PIDFile())
	at, inodes := map[int]int{}, map[int]int{0: 0}
	for _, i := range kept {
		e := w.Events[i]
		if _, known := inodes[e.Inode]; !known {
			inodes[e.Inode] = len(inodes)
		}
		e.Time, e.Inode, e.Orphans = 0, inodes[e.Inode], "" // they are of all that the commands touch
		at[i] = len(r.Events)
		r.Events = append(r.Events, e)
	}
	r.Verdict.Event = at[w.Verdict.Event]
	r.Critical = [2]int{at[pair[0]], at[pair[1]]}
	return r
}

// Title says in a sentence what was found.
func (o Options) Title(v race.Verdict) string {
	return fmt.Sprintf("%s: %s", strings.Join(o.Lines, " | "), v)
}

// Name is what the file is called in which a finding is saved.
func (o Options) Name(v race.Verdict) string {
	var words []string
	for _, word := range strings.FieldsFunc(o.Lines[0], func(r rune) bool { return !strings.ContainsRune(letters, r) }) {
		if len(words) < 4 && len(word) > 1 {
			words = append(words, word)
		}
	}
	return strings.ToLower(strings.Join(append(append([]string{"commands"}, words...), string(v.Invariant)), "-"))
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// Recording is the finding as it is saved, drawn with the given lanes.
func (f Finding) Recording(lanes string) race.Recording {
	return race.Recording{Case: f.Case, Schedule: race.ScheduleOf(f.Events), Verdict: f.Verdict, Lanes: lanes}
}

// Path is where the finding is saved in a directory.
func (f Finding) Path(dir string) string { return filepath.Join(dir, f.name+".txtar") }
