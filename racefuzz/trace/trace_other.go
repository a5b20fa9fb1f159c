//go:build !linux || !(amd64 || arm64)

package trace

import (
	"context"
	"errors"

	"github.com/memlatch/memlatch/racefuzz/race"
)

func (Program) Cases(actors, rounds int) ([]race.Case, error) {
	return nil, errors.ErrUnsupported
}

func Explore(ctx context.Context, c race.Case, bounds Bounds, limit, workers int) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

func Replay(c race.Case, schedule race.Schedule) (Result, error) {
	return Result{}, errors.ErrUnsupported
}
