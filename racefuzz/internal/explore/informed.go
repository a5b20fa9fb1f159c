package explore

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// What a run tells beyond [race.Run] spares schedules. Each of these interfaces
// is optional, and each goes without the others.

// Foreteller is a [race.Run] that knows beforehand what a move would have to do
// with.
type Foreteller interface {
	// Foretell says so of one of the moves possible now, as far as it is known.
	// What it says of a crash is all of it.
	Foretell(race.Move) Footprint
}

// Footprinter is a [race.Run] that tells what its moves have to do with each
// other.
type Footprinter interface {
	Foreteller
	// Footprint says what the last move had to do with. Whatever it changed is
	// in it. To begin to wait for something is a move as well, which looks at that.
	Footprint() Footprint
}

// Fingerprinter is a [race.Run] that can tell whether two runs of a case have
// come to the same state, one with the same future and the same future
// verdicts. Explorations then go on from a state only once.
type Fingerprinter interface {
	// Fingerprint identifies the state with the actors called as in the cast.
	// Where a victim is named, which is about to crash, what goes with it is
	// left out. What is only partly known is not whole, and no other's equal.
	Fingerprint(cast *Cast, victim string) (state uint64, whole bool)
}

// Player is a [race.Run] whose actors may be alike.
type Player interface {
	// Role names what an actor does. Actors with one role could change places,
	// and nobody would notice.
	Role(actor string) string
}

// Describer is a [race.Run] that tells moves apart by what they are to their
// actor. Of others' every move goes on.
type Describer interface {
	// Describe says what one of the moves possible now is.
	Describe(race.Move) Nature
}

// Nature is what a move is to its actor.
type Nature uint8

// The natures of moves.
const (
	GoesOn     Nature = iota // the actor is in the middle of something
	TriesAgain               // for what it was refused
	Rests                    // the actor is between two things to do
	Begins                   // it rests; and what the move sets going, others notice only by the move's footprint before its next move
)

// Reductions are ways to spare schedules.
type Reductions uint8

// The reductions, which are independent of each other.
const (
	KnownStates   Reductions = 1 << iota // nothing is explored from a state again
	SleepSets                            // of two moves that commute, one order is explored
	MergedCrashes                        // of crashes that lead to one state, one is explored
	Postponing                           // what comes before a step that concerns nobody comes after it
	Symmetry                             // states in which actors that are alike changed places are one
	Beginnings                           // who begins something makes its first step as well
	TryingAgain                          // who tries again lets others move in between, or tries on alone
)
