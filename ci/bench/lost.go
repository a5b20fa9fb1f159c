package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/memlatch/memlatch/ci/host"
)

const adds = 50 // of each host

// lost has eight hosts add to one store at once, and counts what is there
// afterwards of what was acknowledged. A memlatch that loses one fails.
func lost(ctx context.Context, t *table, c contestants) error {
	kept, err := contend(ctx, c, c.memlatch, add, countMemlatch)
	if err != nil {
		return err
	}
	r := row{Name: fmt.Sprintf("lost updates: kept of %d acknowledged", hosts*adds), Other: "nothing", Memlatch: float64(kept)}
	if c.reference != nil {
		theirs, err := contend(ctx, c, c.reference, referenceAdd, countReference)
		if err != nil {
			return err
		}
		r = newRow(r.Name, c.reference.name, "", r.Memlatch, float64(theirs), 0)
	}
	r.Missed = kept != hosts*adds
	t.add(r)
	return nil
}

// contend returns how many memories there are in the end. Every single add
// must have been acknowledged.
func contend(ctx context.Context, c contestants, program *contestant,
	add func(context.Context, *host.Session, string) error,
	count func(context.Context, *host.Session) (int, error)) (int, error) {
	sessions, _, err := openTogether(ctx, c, program)
	if err != nil {
		return 0, errors.Join(err, closeAll(ctx, sessions))
	}
	errs := make([]error, hosts)
	var wg sync.WaitGroup
	for i, s := range sessions {
		wg.Go(func() {
			for n := range adds {
				errs[i] = errors.Join(errs[i], add(ctx, s, fmt.Sprintf("memory %d of host %d", n, i)))
			}
		})
	}
	wg.Wait()
	n, err := count(ctx, sessions[0])
	return n, errors.Join(errors.Join(errs...), err, closeAll(ctx, sessions))
}

func countMemlatch(ctx context.Context, s *host.Session) (int, error) {
	var status struct{ Store struct{ Memories int } }
	err := s.Call(ctx, "mem_status", map[string]any{}, &status)
	return status.Store.Memories, err
}

func countReference(ctx context.Context, s *host.Session) (int, error) {
	var graph struct{ Entities []struct{} }
	err := s.Call(ctx, "read_graph", map[string]any{}, &graph)
	return len(graph.Entities), err
}
