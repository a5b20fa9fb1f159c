package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/memlatch/memlatch/ci/host"
)

const (
	starts          = 101 // of the two programs in Go
	referenceEvery  = 10  // the reference server takes part in every tenth round
	rounds          = 11
	referenceRounds = 3
	hosts           = 8
)

// start measures the time from the start of a process to its answer to
// initialize, and the memory that it has then.
func start(ctx context.Context, t *table, c contestants) error {
	taken := map[*contestant][]float64{}
	memory := map[*contestant][]float64{}
	for n := range starts {
		order := c.all()
		if n%2 == 1 { // nobody always comes first
			slices.Reverse(order)
		}
		for _, program := range order {
			if program == c.reference && n%referenceEvery != 0 {
				continue
			}
			home, err := c.home()
			if err != nil {
				return err
			}
			s, d, err := program.open(ctx, home)
			if err != nil {
				return err
			}
			resident, _, err := host.Memory(s.PID())
			if errors.Is(err, errors.ErrUnsupported) {
				err = nil
			}
			if err = errors.Join(err, s.Close(ctx)); err != nil {
				return err
			}
			taken[program] = append(taken[program], milliseconds(d))
			memory[program] = append(memory[program], float64(resident)/(1<<20))
		}
	}
	compare := func(name, unit string, figures map[*contestant][]float64, bars map[*contestant]float64) {
		for _, other := range c.all()[1:] {
			t.add(newRow(name, other.name, unit, median(figures[c.memlatch]), median(figures[other]), bars[other]))
		}
	}
	compare("start to the answer to initialize", "ms", taken, map[*contestant]float64{c.empty: 1.15, c.reference: 1.0 / 25})
	if median(memory[c.empty]) > 0 {
		compare("resident memory after it", "MB", memory, map[*contestant]float64{c.empty: 1.3, c.reference: 1.0 / 5})
	}
	return nil
}

// together measures how long it takes until eight servers of one store, all
// started at once, have answered initialize.
func together(ctx context.Context, t *table, c contestants) error {
	taken := map[*contestant][]float64{}
	for n := range rounds {
		for _, program := range c.all() {
			if program == c.reference && n >= referenceRounds {
				continue
			}
			d, err := eight(ctx, c, program)
			if err != nil {
				return err
			}
			taken[program] = append(taken[program], milliseconds(d))
		}
	}
	for _, other := range c.all()[1:] {
		t.add(newRow("eight hosts at once, all answered", other.name, "ms", median(taken[c.memlatch]), median(taken[other]), 0))
	}
	return nil
}

func eight(ctx context.Context, c contestants, program *contestant) (time.Duration, error) {
	sessions, d, err := openTogether(ctx, c, program)
	return d, errors.Join(err, closeAll(ctx, sessions))
}

// openTogether opens eight servers of program on one new home.
func openTogether(ctx context.Context, c contestants, program *contestant) ([]*host.Session, time.Duration, error) {
	home, err := c.home()
	if err != nil {
		return nil, 0, err
	}
	sessions, errs := make([]*host.Session, hosts), make([]error, hosts)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range hosts {
		wg.Go(func() { sessions[i], _, errs[i] = program.open(ctx, home) })
	}
	wg.Wait()
	return sessions, time.Since(began), errors.Join(errs...)
}

func closeAll(ctx context.Context, sessions []*host.Session) error {
	var errs []error
	for _, s := range sessions {
		if s != nil {
			errs = append(errs, s.Close(ctx))
		}
	}
	return errors.Join(errs...)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
