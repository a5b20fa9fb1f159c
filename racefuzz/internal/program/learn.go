package program

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// World runs programs undisturbed, to see what they do.
type World interface {
	// Ways returns how a program may be stopped, in the order in which they are
	// tried.
	Ways() []string
	// Patience is how long a program may take to stop in a way, as
	// [Program.Stops] has it: less as long as it is a guess that it does.
	Patience(way string, guess bool) string
	// Alone starts the case's program, stops it once it serves, and says what
	// it did. It is called with again for another look at the same.
	Alone(c race.Case, again bool) (Habits, error)
	// Beside starts a second one while the first serves, and says what that
	// does. It is asked whether that serves as well, or that is known.
	Beside(c race.Case, ask bool) (Company, error)
}

// Habits is what a program does when it is alone.
type Habits struct {
	Stopped bool          // it did, when it was asked to
	Beats   bool          // it does something while it serves, and was not looked at any further, as that was not known
	Touches bool          // something in the case's directory
	Content string        // of the pid file while it serves, with "{pid}" for its pid, or "" where that is not in it
	Stale   []race.File   // as in [Program]
	Taken   []race.File   // likewise
	Left    []string      // names in the directory when it has stopped
	Steps   race.Schedule // in the case's directory, where they can be seen
	Direct  string        // as in [Program], or ""
	Notes   []string      // as in [Program]
}

// Company is what a second start does while the first serves.
type Company struct {
	Serves bool     // it does, too, and that is no race
	Left   []string // names in the directory when both have stopped that were not there with one alone
}

// Case returns a case of the program without actors.
func (p Program) Case(tier string) race.Case {
	return race.Case{Tier: tier, Target: strings.Join(p.Command, " "), Command: p.Command, Files: p.Files, Options: p.Options()}
}

// Learn runs the program of a tier in w, alone and then with a second one, to
// learn what it does and what it promises. It returns it with nothing left
// empty that is known.
func (p Program) Learn(w World, tier string) (Program, error) {
	l := learner{w, tier, p}
	if p.Losers == "" {
		l.Losers = "exit" // until it is seen to do otherwise
	}
	l.Faults = "" // which what is learned would not survive
	if err := l.alone(p.Stop, p.Losers == ""); err != nil {
		return p, err
	}
	company, err := w.Beside(l.Case(tier), p.Losers == "")
	if err != nil {
		return p, err
	}
	if company.Serves {
		l.Losers = "serve"
	}
	l.Leaves = Names(append(SplitNames(l.Leaves), company.Left...))
	l.Faults = p.Faults
	return l.Program, nil
}

// learner is a program of which more and more is known.
type learner struct {
	world World
	tier  string
	Program
}

// alone finds out how the program stops, what its pid file holds while it
// serves, and what it leaves behind.
func (l *learner) alone(stop string, mustTouch bool) error {
	ways := []string{stop}
	if stop == "" {
		ways = l.world.Ways()
	}
	for _, l.Stop = range ways {
		l.Stops = l.world.Patience(l.Stop, stop == "")
		first, err := l.world.Alone(l.Case(l.tier), false)
		if first.Beats {
			l.Beats = "yes"
			first, err = l.world.Alone(l.Case(l.tier), false)
		}
		if err != nil {
			return err
		}
		if !first.Stopped {
			continue
		}
		if mustTouch && !first.Touches {
			return fmt.Errorf("%s: %w", l.Case(l.tier).Target, race.ErrUntouched)
		}
		l.Stops = l.world.Patience(l.Stop, false)
		return l.again(first)
	}
	return &StopError{Program: l.Case(l.tier).Target, Ways: ways, Within: l.Stops}
}

// again runs the program once more, from then on without what only looks for it
// and then is replaced by it, such as the stand-ins of version managers. Where
// the content of its pid file is another, only the pid in it is a promise.
func (l *learner) again(first Habits) error {
	l.Direct = first.Direct
	second, err := l.world.Alone(l.Case(l.tier), true)
	if l.Direct != "" && (err != nil || !second.Stopped || !slices.Equal(second.Steps, first.Steps)) {
		l.Direct = ""
		second, err = l.world.Alone(l.Case(l.tier), true)
	}
	if err != nil {
		return err
	}
	l.Content = first.Content
	if l.Content != second.Content {
		l.Content = Somewhere
	}
	l.Leaves, l.Notes = Names(first.Left), first.Notes
	if !l.NoStale && len(first.Stale) == len(second.Stale) {
		l.Stale, l.Taken = first.Stale, first.Taken
	}
	return nil
}

// StopError is the error of a program that does not stop when it is asked to.
type StopError struct {
	Program string
	Ways    []string // that were tried
	Within  string   // the time that it had, or ""
}

func (e *StopError) Error() string {
	var asked []string
	for _, way := range e.Ways {
		switch way {
		case "eof":
			way = "at the end of its input"
		case "term":
			way = "on SIGTERM"
		case "int":
			way = "on SIGINT"
		default:
			way = "when it is told so by: " + way
		}
		asked = append(asked, way)
	}
	text := e.Program + " does not stop " + strings.Join(asked, ", ")
	if e.Within != "" {
		text += " within " + e.Within
	}
	return text
}

// pad is what a pid may be filled up with to a width, as in lock files of UUCP.
var pad = regexp.MustCompile(`[ 0]*\{pid\}`)

// deadDigits is how many digits the ids of dead processes have in cases.
const deadDigits = 9

// Buried returns what the pid file of a server holds that is dead, where that
// of a live one, whose pid has so many digits, holds content: a line of the
// same shape, and if the pid fills a width, of the same length.
func Buried(content string, digits int) string {
	return pad.ReplaceAllStringFunc(content, func(found string) string {
		fill := strings.TrimSuffix(found, "{pid}")
		if more := deadDigits - digits; more > 0 && len(fill) >= more {
			fill = fill[more:]
		}
		return fill + "{dead}"
	})
}
