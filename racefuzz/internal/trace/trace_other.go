//go:build !linux || !(amd64 || arm64)

package trace

import (
	"context"
	"errors"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func (Program) Cases(t Tier, actors, rounds int) ([]race.Case, error) {
	return nil, errors.ErrUnsupported
}

func (Tier) Explore(ctx context.Context, c race.Case, bounds Bounds, limit, workers int) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

func (Tier) ExploreAll(ctx context.Context, cases []race.Case, bounds Bounds, limit, workers int) (Result, race.Case, error) {
	return Result{}, race.Case{}, errors.ErrUnsupported
}

func (Tier) Start(c race.Case) (race.Run, error) { return nil, errors.ErrUnsupported }

func NewCommands(t Tier, lines []commands.Line) (*Commands, error) { return nil, errors.ErrUnsupported }
