package hunt

import (
	"context"
	"fmt"

	"github.com/memlatch/memlatch/racefuzz/internal/proc"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Tries are how many there are with random timing if nobody says.
const Tries = 200

// Together does the same as [Options.Prepare] for commands that are started
// together, with random timing. It works on every system.
func (o Options) Together(ctx context.Context, arena *proc.Arena) (*proc.Commands, error) {
	set, err := arena.Commands()
	if err != nil {
		return nil, err
	}
	if err := o.fill(ctx, &set.Set); err != nil {
		return nil, err
	}
	return set, set.Learn(ctx, o.Ignore)
}

// Draw returns the try that belongs to a seed.
func (o Options) Draw(seed uint64) race.Case {
	return proc.DrawCommands(len(o.Lines), o.settings(), seed)
}

// Tried says what it means that nothing was found in that many tries.
func Tried(set *proc.Commands, many string) string {
	return fmt.Sprintf("no race in %s with random timing%s", many, met(&set.Set))
}
