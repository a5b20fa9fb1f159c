//go:build !linux || !(amd64 || arm64)

package trace

import (
	"context"
	"errors"

	"github.com/memlatch/memlatch/racefuzz/internal/commands"
	"github.com/memlatch/memlatch/racefuzz/internal/explore"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func NewCommands(t Tier, lines []commands.Line) (*Commands, error) { return nil, errors.ErrUnsupported }

func (*Commands) Start(race.Case) (race.Run, error) { return nil, errors.ErrUnsupported }

func (*Commands) Learn(context.Context, []string) error { return errors.ErrUnsupported }

func (*Commands) Whole(context.Context, *explore.Progress) (explore.Result, error) {
	return explore.Result{}, errors.ErrUnsupported
}

func (*Commands) Directed(context.Context, *explore.Progress) (explore.Result, error) {
	return explore.Result{}, errors.ErrUnsupported
}

func (*Commands) Killed(context.Context, *explore.Progress) (explore.Result, error) {
	return explore.Result{}, errors.ErrUnsupported
}

func (*Commands) Plan(preemptions, limit int, p *explore.Progress) explore.Plan {
	return explore.Plan{}
}

func (*Commands) Shared() []string { return nil }

func (*Commands) Elsewhere() []string { return nil }

func (*Commands) Text(actor string) string { return "" }

func (*Commands) Racing([]race.Event, string) ([]int, [2]int) { return nil, [2]int{} }

// Stop is where a command is stopped.
type Stop struct{}

func (Stop) String() string { return "" }

func ParseStop(string) (Stop, error) { return Stop{}, errors.ErrUnsupported }

func StopsOf([]race.Event) []Stop { return nil }

func (*Commands) Repeat(race.Case, []Stop) (explore.Witness, string, error) {
	return explore.Witness{}, "", errors.ErrUnsupported
}
