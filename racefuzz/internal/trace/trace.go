// Package trace is racefuzz's syscall tier: it runs programs nobody here
// wrote, stops them at every system call that touches the case's directory,
// and lets one of them move at a time. It works on Linux, without any rights,
// with ptrace and a seccomp filter; elsewhere it returns
// [errors.ErrUnsupported].
package trace

import (
	"context"
	"errors"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Tier runs cases of this tier, as [race.Tier]. A run belongs to the goroutine
// that started it, and keeps that on its thread until it is closed.
type Tier struct {
	Dir    string // where cases get their directories; "" for the usual place for temporary files
	Server string // what {server} stands for in commands
	// Noticed is told of what an actor does that nobody can follow, such as
	// "maps server.db", once in each schedule; may be nil. It is called from
	// several goroutines.
	Noticed func(actor, what string)

	// Passed is told of each verdict that a case's setting passes over; may be nil.
	// It is called likewise.
	Passed func(race.Verdict)

	// Stacks says that the events of calls have the stacks that these are made with.
	Stacks bool

	// Done is closed when all must end at once, whatever a program is doing: then
	// moves, and learning, fail with [ErrOver]. Without it they take their time.
	Done <-chan struct{}

	commands   *Commands // what is run instead of servers, or nil
	wantsClock bool      // a program that goes on after it has slept is to be put on a clock of its own
}

// Until implements [explore.Hurrier].
func (t Tier) Until(ctx context.Context) race.Tier {
	t.Done = ctx.Done()
	return t
}

// ErrOver says that a run was ended from outside.
var ErrOver = errors.New("there was no more time")

// ErrForbidden says that this system does not let programs be traced.
var ErrForbidden = errors.New("tracing programs is not permitted here")
