package race

// Tier is a world in which cases run one step at a time.
type Tier interface {
	// Start sets the case up, with every actor before its first step.
	Start(Case) (Run, error)
}

// Run is a case being executed. The same moves from the same start give the
// same events.
type Run interface {
	// Moves returns the moves possible now, in a stable order: by actor, an
	// actor's next operation before what may befall it instead. There are
	// none once every actor has finished or nobody can go on.
	Moves() []Move
	// Do makes one of the moves and waits until it is over.
	Do(Move) (Event, error)
	// Verdict judges the events so far, and when no moves are left the end as
	// well. It does not change once it is broken.
	Verdict() Verdict
	// Close ends every actor and removes everything. It may come at any time.
	Close() error
}

// Move is a step that can be made: its result is not known yet.
type Move struct {
	Actor string
	Op    string
	Fault Fault
}

// Fault says what a move does to its actor beyond the actor's own will.
type Fault string

// The faults. A failing operation is a fault of the form "fail ENOSPC".
const (
	NoFault Fault = ""
	Crash   Fault = "crash" // the actor ends at once, instead of its next operation
)
