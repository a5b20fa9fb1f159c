package commands

import (
	"fmt"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Refusal is the error of commands that cannot be tried, with a remedy.
type Refusal struct {
	Reason, Remedy string
}

func (r *Refusal) Error() string { return r.Reason }

// refusalOf says why a command that ended so cannot be tried; nil if it can.
// That one fails after another is nothing wrong.
func refusalOf(l Line, who int, e Ending, first bool) error {
	name := fmt.Sprintf("%s (%s)", race.ActorName(who), l.Text)
	switch {
	case e.Waits == "input":
		return &Refusal{name + " asks for input", "give it its answer, as in 'COMMAND <FILE' or with an option such as --yes"}
	case e.Waits == "network":
		return &Refusal{name + " waits for the network", "choose a command, or an option, that works without it"}
	case e.Waits != "":
		return &Refusal{fmt.Sprintf("%s does not end within %v, alone as it is", name, Limit), "a server is tried with 'racefuzz -- COMMAND'; a command that takes longer needs less to do"}
	case e.Failed() && first:
		reason := fmt.Sprintf("%s fails alone: %s", name, e)
		if e.Said != "" {
			reason += fmt.Sprintf(", and it says %q", e.Said)
		}
		return &Refusal{reason, "make what it needs with -setup COMMAND; it runs in an empty directory that is its home as well"}
	}
	return nil
}
