//go:build !linux || !(amd64 || arm64)

package trace

import (
	"context"
	"errors"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func (Tier) Try(context.Context, program.Program, func(Tier, program.Program) error) error {
	return errors.ErrUnsupported
}

func (Tier) Learn(_ context.Context, p program.Program) (program.Program, error) {
	return p, errors.ErrUnsupported
}

func (Tier) Start(c race.Case) (race.Run, error) { return nil, errors.ErrUnsupported }
