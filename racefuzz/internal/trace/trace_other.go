//go:build !linux || !(amd64 || arm64)

package trace

import (
	"errors"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func (Tier) Learn(p program.Program) (program.Program, error) { return p, errors.ErrUnsupported }

func (Tier) Start(c race.Case) (race.Run, error) { return nil, errors.ErrUnsupported }
