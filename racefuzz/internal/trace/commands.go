package trace

import (
	"context"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Commands are command lines that share files, as a [race.Tier]: each is an
// actor, which is all of its processes. All runs are in the same place, so there
// is one at a time.
type Commands struct {
	Tier
	commands.Set
	// Touched says of each file which commands have called it by its name or
	// through a descriptor, by number, and whether they may have changed it.
	Touched map[string]map[int]bool

	// Outside has the same of files outside of the place.
	Outside map[string]map[int]bool

	// Mapped says who has which file in memory, where nobody can follow what
	// becomes of it.
	Mapped map[string]bool

	serial bool // what is run next goes on in the place as it is
}

// Until implements [explore.Hurrier]: all runs of commands end with their own
// Done.
func (c *Commands) Until(context.Context) race.Tier { return c }
