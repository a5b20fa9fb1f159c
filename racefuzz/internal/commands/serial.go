package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/content"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Ending is how a command ended.
type Ending struct {
	Exit   int    // the exit status, or that of a shell for a signal
	Signal string // the signal that ended it, or ""
	Said   string // the end of what it wrote to stdout and stderr
	// Waits says what it was waiting for when its time was over: "input",
	// "network" or "something"; "" if it ended.
	Waits string
	Left  []string // the programs that it left running
}

// Failed reports whether the command did not say that it succeeded.
func (e Ending) Failed() bool { return e.Exit != 0 || e.Waits != "" }

// String returns "exit 1" or "SIGSEGV".
func (e Ending) String() string {
	switch {
	case e.Waits != "":
		return "no end"
	case e.Signal != "":
		return e.Signal
	}
	return fmt.Sprintf("exit %d", e.Exit)
}

// Limit is how long a command may take alone.
const Limit = 10 * time.Second

// A Runner runs a command to its end in a place, alone, for at most [Limit]. Who
// is its number. An error says that it cannot be run at all.
type Runner interface {
	Run(ctx context.Context, p *Place, who int, l Line) (Ending, error)
}

// Order is a serial order of some of the commands, and what came of it.
type Order struct {
	Who   []int    // the commands, the first one first
	Ends  []Ending // theirs, in the same order
	First Snapshot
	Again Snapshot // the second time, more than a second later
}

// Names are the commands by the names of their actors.
func (o Order) Names() (names []string) {
	for _, i := range o.Who {
		names = append(names, race.ActorName(i))
	}
	return names
}

// String returns "a; b".
func (o Order) String() string { return strings.Join(o.Names(), "; ") }

// exit is how a command of the order ended; nil if it did not run.
func (o Order) exit(who int) *Ending {
	if i := slices.Index(o.Who, who); i >= 0 {
		return &o.Ends[i]
	}
	return nil
}

// apart is how far the two runs of an order are apart: times to the second
// differ then.
const apart = 1100 * time.Millisecond

// Serially runs the commands in every order, twice, and returns the orders of
// all subsets of them, the empty one first. It returns a [Refusal] if a command
// cannot be tried: it fails, or does not end, when it is the first to run.
func Serially(ctx context.Context, p *Place, lines []Line, r Runner, skip func(string) bool) ([]Order, error) {
	empty, err := nobody(p, skip)
	if err != nil {
		return nil, err
	}
	orders := []Order{empty}
	known := map[string]int{"": 0}
	for round := range 2 {
		began := time.Now()
		for _, who := range permutations(len(lines)) {
			if err := p.Restore(); err != nil {
				return nil, err
			}
			var ends []Ending
			for n, i := range who {
				end, err := r.Run(ctx, p, i, lines[i])
				if err != nil {
					return nil, err
				}
				if err := refusalOf(lines[i], i, end, n == 0); err != nil {
					return nil, err
				}
				ends = append(ends, end)
				o := Order{Who: slices.Clone(who[:n+1]), Ends: slices.Clone(ends)}
				at, seen := known[o.String()]
				if seen && (round == 0 || orders[at].Again.gone != nil) {
					continue
				}
				snapshot, err := p.Snapshot(skip)
				if err != nil {
					return nil, err
				}
				if !seen {
					o.First = snapshot
					known[o.String()] = len(orders)
					orders = append(orders, o)
					continue
				}
				orders[at].Again = snapshot
				if before := orders[at].Ends[n]; before.String() != end.String() {
					return nil, &Unrepeatable{fmt.Errorf("%s, run twice, ended in two ways: %s with %s, then %s", o, race.ActorName(i), before, end)}
				}
			}
		}
		if round == 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(apart - time.Since(began)):
			}
		}
	}
	return orders, p.Restore()
}

// nobody is the order in which no command runs.
func nobody(p *Place, skip func(string) bool) (o Order, err error) {
	if err = p.Restore(); err != nil {
		return o, err
	}
	if o.First, err = p.Snapshot(skip); err != nil {
		return o, err
	}
	o.Again, err = p.Snapshot(skip)
	return o, err
}

// permutations are all orders of n things, the natural one first.
func permutations(n int) (all [][]int) {
	var extend func(head []int)
	extend = func(head []int) {
		if len(head) == n {
			all = append(all, slices.Clone(head))
			return
		}
		for i := range n {
			if !slices.Contains(head, i) {
				extend(append(head, i))
			}
		}
	}
	extend(nil)
	return all
}

// ChangedByOne returns a function that reports whether at most one of the commands
// changes a file when it runs alone. Where nobody sees who looks at a file, such a
// one counts as private: if it does not repeat itself, nothing can be told of it.
func ChangedByOne(orders []Order) func(name string) bool {
	by := map[string]map[int]bool{}
	for _, o := range orders {
		if len(o.Who) != 1 {
			continue
		}
		for _, name := range append(o.First.Names(), o.Again.Names()...) {
			if by[name] == nil {
				by[name] = map[int]bool{}
			}
			by[name][o.Who[0]] = true
		}
	}
	return func(name string) bool { return len(by[name]) < 2 }
}

// Unrepeatable is the error of commands that do not leave the same when they run
// in the same order: nothing can be told from what they leave.
type Unrepeatable struct{ error }

func (u *Unrepeatable) Unwrap() error { return u.error }

// Known is what is known of the serial orders, to judge by.
type Known struct {
	place   *Place
	orders  []Order
	Rules   *content.Rules
	normals []content.Normal // of the orders
	names   []Snapshot
}

// Learn derives from the orders how to compare what commands leave. Private
// reports whether only one of them ever looks at a file.
func Learn(p *Place, orders []Order, private func(name string) bool, ignored []string) (*Known, error) {
	k := &Known{place: p, orders: orders}
	for _, o := range orders {
		k.names = append(k.names, o.First, o.Again)
	}
	states, err := p.States(k.names)
	if err != nil {
		return nil, err
	}
	var serials []content.Serial
	for i, o := range orders {
		serials = append(serials, content.Serial{Order: o.Names(), First: states[2*i], Again: states[2*i+1]})
	}
	k.Rules, err = content.Learn(serials, private, ignored)
	var differs *content.UnrepeatableError
	if errors.As(err, &differs) {
		return nil, &Unrepeatable{err}
	}
	if err != nil {
		return nil, err
	}
	for _, s := range serials {
		k.normals = append(k.normals, k.Rules.Normal(s.First))
	}
	return k, nil
}
